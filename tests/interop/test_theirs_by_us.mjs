// What DuckDB writes in the shape of events (any codec, V1 and V2, with and without dictionary) is
// read by Tarn, with the rows that DuckDB sees.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { check, sameRows, sqlite, text } from './check.mjs'
import { columns, events, select } from './events.mjs'
import { duckdb, readDuckdb } from './readers.mjs'

const lake = join(process.cwd(), 'lake')
const folder = join(lake, 'events/2026/02/02/14')
const open = `SELECT tarn_open(${text(lake)});`
const from = Date.parse('2026-02-02T14:00:00Z')
const types = { verified: 'BOOLEAN', status_code: 'INTEGER', duration_ms: 'DOUBLE' }

// An event's `ts` in the units that writers use: UTC or not, milliseconds or microseconds.
const stamps = ['TIMESTAMPTZ', 'TIMESTAMP_MS', 'TIMESTAMP']
const variants = []
for (const codec of ['snappy', 'zstd', 'gzip', 'lz4_raw', 'uncompressed', 'brotli']) {
  for (const version of ['V1', 'V2']) {
    for (const dictionary of [true, false]) {
      const n = variants.length
      const name = `${codec}_${version}_${dictionary ? 'dictionary' : 'plain'}`
      // V2 without a dictionary is written as DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY and
      // BYTE_STREAM_SPLIT.
      variants.push({ name, codec, version, dictionary, stamp: stamps[n % 3],
        file: `01KGETARN${String(n).padStart(17, '0')}.parquet`, rows: 300 + n * 40 })
    }
  }
}

function value(column, v) {
  if (v === null) return 'NULL'
  if (typeof v === 'number') return Object.is(v, -0) ? "'-0.0'::DOUBLE" : String(v)
  return typeof v === 'boolean' ? String(v) : text(v)
}

const expected = new Map()
mkdirSync(folder, { recursive: true })

await check('DuckDB writes the files', async () => {
  for (const v of variants) {
    const list = events(v.rows, from, from + 3600_000, v.rows).map((e) => ({ ...e, source: v.name }))
    const rows = list.map((e) => `(${columns.map((c) => value(c, e[c])).join(',')})`).join(',\n')
    const casts = columns.map((c) =>
      c === 'ts' ? `ts::TIMESTAMP${v.stamp === 'TIMESTAMPTZ' ? '::TIMESTAMPTZ' : v.stamp === 'TIMESTAMP' ? '' : `::${v.stamp}`} AS ts`
        : `${c}::${types[c] ?? 'VARCHAR'} AS ${c}`)
    const path = join(folder, v.file)
    await duckdb(`COPY (SELECT ${casts} FROM (VALUES ${rows}) t(${columns})) TO ${text(path)} (FORMAT parquet,
      COMPRESSION ${v.codec}, PARQUET_VERSION ${v.version}, ROW_GROUP_SIZE 2048
      ${v.dictionary ? '' : ', DICTIONARY_SIZE_LIMIT 0'})`)
    expected.set(v.name, await readDuckdb(path))
    assert.equal(expected.get(v.name).length, v.rows)
  }
})

await check('the files differ in what they are meant to', async () => {
  const kinds = await duckdb(`SELECT DISTINCT compression, encodings FROM parquet_metadata(${text(`${folder}/*.parquet`)})`)
  const all = JSON.stringify(kinds)
  for (const word of ['SNAPPY', 'ZSTD', 'GZIP', 'LZ4_RAW', 'UNCOMPRESSED', 'BROTLI', 'PLAIN', 'RLE_DICTIONARY',
    'DELTA_BINARY_PACKED', 'DELTA_LENGTH_BYTE_ARRAY', 'BYTE_STREAM_SPLIT']) {
    assert.ok(all.includes(word), `no column chunk is ${word}: ${all.slice(0, 600)}`)
  }
})

for (const v of variants) {
  await check(`Tarn reads ${v.name} with ts as ${v.stamp}`, () => {
    sameRows(select(`WHERE source = ${text(v.name)}`, { open }), expected.get(v.name))
  })
}

await check('all files together', () => {
  const out = sqlite(`${open}\nSELECT count(*), count(DISTINCT source), sum(status_code = 404) FROM events;\n`)
  const all = [...expected.values()].flat()
  const want = [all.length, variants.length, all.filter((e) => e.status_code === 404).length].join('|')
  assert.equal(out.trim().split('\n').at(-1), want)
})
