// What Tarn writes is read by DuckDB, parquet-wasm and hyparquet, with the rows that SQLite sees.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { check, sameRows, sqlite, text } from './check.mjs'
import { columns, events, select } from './events.mjs'
import { duckdb, readAll } from './readers.mjs'

const lake = join(process.cwd(), 'lake')
const open = `SELECT tarn_open(${text(lake)});`
const from = Date.parse('2026-02-02T13:30:00Z')
const made = events(4000, from, from + 4 * 3600_000)

function literal(column, v) {
  if (v === null) return 'NULL'
  if (column === 'duration_ms') {
    const bits = Buffer.alloc(8)
    bits.writeDoubleBE(v)
    return `ieee754_from_blob(x'${bits.toString('hex')}')`
  }
  if (typeof v === 'boolean') return v ? '1' : '0'
  return typeof v === 'number' ? String(v) : text(v)
}

function insert(list) {
  const values = list.map((e) => `(${columns.map((c) => literal(c, e[c])).join(',')})`)
  const statements = []
  for (let i = 0; i < values.length; i += 200) {
    statements.push(`INSERT INTO events(${columns.join(',')}) VALUES ${values.slice(i, i + 200).join(',\n')};`)
  }
  return `BEGIN;\n${statements.join('\n')}\nCOMMIT;\n`
}

const files = () =>
  readdirSync(join(lake, 'events'), { recursive: true }).filter((f) => f.endsWith('.parquet')).sort()

mkdirSync(lake)
let read = []
let seen = []

await check('events are inserted and flushed', () => {
  sqlite(`${open}\n${insert(made.slice(0, 2500))}SELECT tarn_flush();\n${insert(made.slice(2500))}SELECT tarn_flush();\n`)
  assert.ok(files().length >= 5, `5 hours or more, but these files: ${files()}`)
})

await check('SELECT gives the rows that were inserted', () => {
  seen = select('', { open })
  sameRows(seen, made.map((e) => ({ ...e, duration_ms: Object.is(e.duration_ms, -0) ? '-0' : e.duration_ms })))
})

await check('three readers agree on every file', async () => {
  read = []
  for (const file of files()) {
    const rows = await readAll(join(lake, 'events', file))
    const [, hour, name] = /^(\d{4}\/\d\d\/\d\d\/\d\d)\/([^/]+)$/.exec(file) ?? []
    assert.match(name ?? file, /^[0-9A-HJKMNP-TV-Z]{26}\.parquet$/, 'a ULID names a raw file')
    for (const row of rows) assert.equal(row.ts.slice(0, 13).replaceAll(/[- ]/g, '/'), hour, `${file} holds ${row.ts}`)
    read.push(...rows)
  }
  assert.equal(read.length, made.length)
})

await check('their rows are those of SELECT', () => sameRows(read, seen))

await check('DuckDB sees the schema of the specification', async () => {
  const schema = await duckdb(`DESCRIBE SELECT * FROM read_parquet(${text(join(lake, 'events/**/*.parquet'))})`)
  const got = schema.map((c) => `${c.column_name} ${c.column_type.replace('JSON', 'VARCHAR')}`)
  const types = { ts: 'TIMESTAMP WITH TIME ZONE', verified: 'BOOLEAN', status_code: 'INTEGER', duration_ms: 'DOUBLE' }
  assert.deepEqual(got, columns.map((c) => `${c} ${types[c] ?? 'VARCHAR'}`))
})

await check('DuckDB and SQLite agree on aggregates', async () => {
  const query = (table) => `SELECT type, count(*) AS n, count(url) AS urls, min(status_code) AS least, max(ts) AS last
    FROM ${table} WHERE ts >= '2026-02-02 15:00:00' AND ts < '2026-02-02 16:30:00' GROUP BY type ORDER BY type`
  const theirs = await duckdb(query(`read_parquet(${text(join(lake, 'events/**/*.parquet'))})`))
  const ours = sqlite(`${open}\n.mode json\n${query('events')};\n`)
  assert.deepEqual(JSON.parse(ours.slice(ours.search(/^\[\{/m))), theirs)
  assert.ok(theirs.length === 6)
})
