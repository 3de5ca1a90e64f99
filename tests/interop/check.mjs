// Result lines for tests/run.sh, and running the sqlite3 shell with the extension loaded.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

// Runs one check; what it throws is the reason of the failure. The check after it still runs.
export async function check(name, body) {
  try {
    await body()
    console.log(`ok ${name}`)
  } catch (e) {
    console.error(e.stack)
    console.log(`not ok ${name}: ${String(e.message).split('\n')[0]}`)
  }
}

// Runs a script in the shell, stopping at the first error, and gives what it printed.
export function sqlite(script, { database = 'test.db', args = [] } = {}) {
  const run = spawnSync(
    process.env.SQLITE3 ?? 'sqlite3',
    ['-batch', '-bail', '-init', '/dev/null', '-cmd', `.load ${process.env.BUILD}/tarn`, ...args, database],
    { input: script, encoding: 'utf8', maxBuffer: 1 << 30 },
  )
  if (run.error) throw run.error
  if (run.status !== 0 || run.stderr) {
    throw new Error(`sqlite3 ended with ${run.signal ?? run.status}: ${run.stderr.trim().slice(0, 500)}`)
  }
  return run.stdout
}

export const text = (s) => (s === null ? 'NULL' : `'${String(s).replaceAll("'", "''")}'`)

// Equal as multisets of rows; the message shows the first row that one side has and the other lacks.
export function sameRows(found, expected) {
  const a = found.map((r) => JSON.stringify(r)).sort()
  const b = expected.map((r) => JSON.stringify(r)).sort()
  if (a.length === b.length && a.every((row, i) => row === b[i])) return
  const counts = new Map()
  for (const row of b) counts.set(row, (counts.get(row) ?? 0) + 1)
  const extra = []
  for (const row of a) {
    const n = counts.get(row) ?? 0
    if (n === 0) extra.push(row)
    else counts.set(row, n - 1)
  }
  const missing = [...counts].filter(([, n]) => n > 0).map(([row]) => row)
  assert.fail(
    `${a.length} rows found, ${b.length} expected; not expected: ${(extra[0] ?? 'none').slice(0, 300)}; ` +
      `not found: ${(missing[0] ?? 'none').slice(0, 300)}`,
  )
}
