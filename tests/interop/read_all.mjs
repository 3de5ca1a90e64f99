// node read_all.mjs FILE...: the rows of Parquet files, one JSON object a line, once three readers
// agree on them; exit status 1 and a message otherwise. See readers.mjs for the form.
import { readAll } from './readers.mjs'

if (process.argv.length < 3) {
  console.error('usage: node read_all.mjs FILE...')
  process.exit(2)
}
try {
  for (const path of process.argv.slice(2)) {
    for (const row of await readAll(path)) console.log(JSON.stringify(row))
  }
} catch (e) {
  console.error(e.message)
  process.exitCode = 1
}
