// apache/parquet-testing: every file of data/ and shredded_variant/ has the values that DuckDB, or where
// DuckDB doesn't read it hyparquet or the suite's own tables, finds in it; every file of bad_data/ is
// refused, with the reason; so is what is encrypted, as long as no keys are given.
//
// DuckDB's values are asked for as text (numbers with a fraction as numbers), and compared like this:
//   BOOLEAN                      0 and 1
//   NaN                          NULL
//   integers, UUID, DECIMAL      the same digits
//   times and dates              the same text, but for zeros at the end of the fraction, DuckDB's +00, and
//                                years of five digits, which Tarn writes with a sign and six
//   BLOB, GEOMETRY               the same bytes; also TEXT of these bytes
//   lists, structs, maps         JSON that says the same, member by member
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { check, text } from './check.mjs'
import { bareTime, bytesOf, data, have, parseExact, read, sameCells } from './conformance.mjs'
import { duckdb, readScript } from './readers.mjs'
import { decodeVariant } from './variant.mjs'

const top = 'parquet-testing'

// ---- DuckDB

const duckTime = (s) => bareTime(s.replace(/\+00$/, '').replace(/^\d{5,6}-/, (y) => `+${y.padStart(7, '0')}`))
const isTime = (type) => /^(TIMESTAMP|TIME|DATE)/.test(type)
const isNested = (type) => /[[(]/.test(type) && !type.startsWith('DECIMAL') && !type.startsWith('GEOMETRY')

function asked(column, type) {
  const c = `"${column.replaceAll('"', '""')}"`
  if (type === 'FLOAT' || type === 'DOUBLE') return c
  if (type === 'BLOB') return `hex(${c})`
  if (type.startsWith('GEOMETRY')) return `hex(ST_AsWKB(${c}))`
  if (isNested(type)) return `to_json(${c})::VARCHAR`
  return `${c}::VARCHAR`
}

async function byDuckdb(path) {
  const from = `read_parquet(${text(path)}, hive_partitioning = false)`
  const types = (await duckdb(`DESCRIBE SELECT * FROM ${from}`)).map((r) => [r.column_name, r.column_type])
  const list = types.map(([c, t], i) => `${asked(c, t)} AS c${i}`).join(', ')
  const rows = await duckdb(`SELECT ${list} FROM ${from}`)
  return { types: types.map(([, t]) => t), rows: rows.map((r) => types.map((_, i) => r[`c${i}`])) }
}

const duckBlob = (bytes) => [...bytes].map((b) =>
  (b < 32 || b > 126 || b === 34 || b === 39 || b === 92 ? `\\x${b.toString(16).toUpperCase().padStart(2, '0')}` : String.fromCharCode(b))).join('')

function sameMember(duck, found) {
  const bytes = bytesOf(found)
  if (bytes) return duck === duckBlob(bytes)
  if (duck === null || duck === undefined) return found === null || found === undefined || found === 'NaN'
  if (typeof duck === 'bigint' || typeof duck === 'number') {
    return (typeof found === 'bigint' || typeof found === 'number') && Number(duck) === Number(found)
  }
  if (typeof duck === 'string') return typeof found === 'string' && duckTime(duck) === bareTime(found)
  if (typeof duck === 'boolean') return duck === found
  if (found === null || typeof found !== 'object' || Array.isArray(duck) !== Array.isArray(found)) return false
  return [...new Set([...Object.keys(duck), ...Object.keys(found)])].every((k) => sameMember(duck[k], found[k]))
}

function sameAsDuckdb(type, duck, found) {
  if (duck === null) return found === null
  if (type === 'FLOAT' || type === 'DOUBLE') {
    const n = duck === '-0' ? -0 : typeof duck === 'string' ? Number(duck) : duck
    return Number.isNaN(n) ? found === null : Object.is(n, typeof found === 'bigint' ? Number(found) : found)
  }
  if (found === null) return false
  if (type === 'BOOLEAN') return found === (duck === 'true' ? 1n : 0n)
  if (type === 'BLOB' || type.startsWith('GEOMETRY')) {
    return Buffer.from(found).toString('hex').toUpperCase() === duck
  }
  if (isTime(type)) return bareTime(String(found)) === duckTime(duck)
  if (isNested(type)) return typeof found === 'string' && sameMember(parseExact(duck), parseExact(found))
  return String(found) === duck
}

async function againstDuckdb(path, options) {
  const want = await byDuckdb(path)
  const { names, rows } = read(path, { options })
  sameCells(rows, want.rows, (a, b, c) => sameAsDuckdb(want.types[c], a, b), names)
}

// ---- files that DuckDB 1.5.6 doesn't read, or reads wrongly: others' values, or what the suite says

async function againstHyparquet(path) {
  const want = await readScript(path)
  const { names, rows } = read(path)
  const same = (a, b) => (typeof b === 'bigint' ? a === Number(b)
    : Buffer.isBuffer(b) || a?.hex !== undefined ? a.hex === Buffer.from(b).toString('hex') : a === b)
  sameCells(rows, want.map((r) => Object.values(r)), same, names)
}

// The values of the .md files that lie beside some files.
function documented(...want) {
  return (path) => {
    const { names, rows } = read(path)
    sameCells(rows, want, (a, b) => a === b, names)
  }
}

// Columns come in pairs: the same values, PLAIN and BYTE_STREAM_SPLIT.
function pairs(path) {
  const { names, rows } = read(path)
  assert.equal(rows.length, 200)
  for (const [r, row] of rows.entries()) {
    for (let c = 0; c < row.length; c += 2) {
      assert.ok(row[c] !== null)
      assert.deepEqual(row[c + 1], row[c], `row ${r}: ${names[c]} and ${names[c + 1]}`)
    }
  }
  assert.ok(Math.abs(rows[0][0] - 10.3046875) < 1e-9 && rows[0][8] === 293650000000n, 'the first row is not as documented')
}

function refused(path, reason, options) {
  let rows = null
  try {
    rows = read(path, { options }).rows.length
  } catch (e) {
    assert.match(e.message, reason)
    assert.ok(e.message.includes(basename(path)), `the message does not name the file: ${e.message}`)
    return
  }
  assert.fail(`read ${rows} rows, expected an error like ${reason}`)
}

const crc = /CRC does not match its bytes/
const special = {
  'byte_stream_split_extended.gzip.parquet': pairs,
  'hadoop_lz4_compressed.parquet': againstHyparquet,
  'hadoop_lz4_compressed_larger.parquet': againstHyparquet,
  'non_hadoop_lz4_compressed.parquet': againstHyparquet,
  'map_no_value.parquet': documented(...[[1, 2, 3], [4, 5, 6], [7, 8, 9]].map((k) => {
    const map = `{${k.map((i) => `"${i}":null`).join(',')}}`
    return [map, map, `[${k.join(',')}]`]
  })),
  // DuckDB shows the last one as a year before Christ: Spark's count of microseconds had wrapped.
  'int96_from_spark.parquet': documented(['2024-01-01 20:34:56.123456000'], ['2024-01-01 01:00:00.000000000'],
    ['9999-12-31 03:00:00.000000000'], ['2024-12-30 23:00:00.000000000'], [null], ['+290000-12-30 23:00:00.000000000']),
  'large_string_map.brotli.parquet': (path) => refused(path, /a page claims more than 1 GiB, the most that is read/),
  'datapage_v1-corrupt-checksum.parquet': (path) => refused(path, crc),
  'rle-dict-uncompressed-corrupt-checksum.parquet': (path) => refused(path, crc),
}

const bad = {
  'PARQUET-1481.parquet': /physical type -7/,
  'ARROW-RS-GH-6229-DICTHEADER.parquet': /damaged/,
  'ARROW-RS-GH-6229-LEVELS.parquet': /damaged/,
  'ARROW-GH-41321.parquet': /damaged/,
  'ARROW-GH-41317.parquet': /row group 1, column 2 is broken/,
  'ARROW-GH-45185.parquet': /damaged/,
  'ARROW-GH-47662.parquet': /fewer values than its levels/,
}

// ---- shredded variants: the parts put together are the binary variant that lies beside the file
// (binary as base64, as VariantEncoding.md has it for JSON)

// A field stands in value and in typed_value: a reader may refuse that, or take the latter.
const invalid = ['case-043-INVALID.parquet', 'case-125-INVALID.parquet']

function sameVariant(want, found) {
  if (want === null) return found === null
  if (Buffer.isBuffer(want)) return found === want.toString('base64')
  if (want.decimal !== undefined) return Number(want.decimal) === Number(found)
  if (want.time !== undefined) return typeof found === 'string' && bareTime(want.time) === bareTime(found)
  if (typeof want === 'number') return Math.abs(Number(found) - want) <= 1e-6 * Math.abs(want)
  if (typeof want !== 'object') return want === found
  if (found === null || typeof found !== 'object' || Array.isArray(want) !== Array.isArray(found)) return false
  const keys = new Set([...Object.keys(want), ...Object.keys(found)])
  return [...keys].every((k) => k in want && k in found && sameVariant(want[k], found[k]))
}

function variants(folder, c) {
  const files = c.variant_files ?? [c.variant_file]
  const want = files.map((f) => (f === null ? undefined : decodeVariant(readFileSync(`${folder}/${f}`))))
  const { names, rows } = read(`${folder}/${c.parquet_file}`)
  const at = names.indexOf('var')
  sameCells(rows.map((r) => [r[at]]), want.map((v) => [v]), (v, text_) =>
    (v === undefined ? text_ === null : text_ !== null && sameVariant(v, parseExact(text_))), ['var'])
}

if (have(top)) {
  for (const sub of ['data', 'data/geospatial']) {
    const folder = data(`${top}/${sub}`)
    for (const file of readdirSync(folder).filter((f) => f.endsWith('.parquet')).sort()) {
      await check(`${sub}/${file}`, () => (special[file] ?? againstDuckdb)(`${folder}/${file}`))
    }
  }
  for (const sub of ['data', 'data/aes256']) {
    const folder = data(`${top}/${sub}`)
    for (const file of readdirSync(folder).filter((f) => f.endsWith('.encrypted')).sort()) {
      await check(`${sub}/${file} without keys`, () => refused(`${folder}/${file}`, /encrypted/))
    }
  }
  const worse = data(`${top}/bad_data`)
  for (const file of readdirSync(worse).filter((f) => f.endsWith('.parquet')).sort()) {
    await check(`bad_data/${file}`, () => (bad[file] ? refused(`${worse}/${file}`, bad[file]) : againstDuckdb(`${worse}/${file}`)))
  }
  const shredded = data(`${top}/shredded_variant`)
  for (const c of JSON.parse(readFileSync(`${shredded}/cases.json`, 'utf8')).filter((x) => x.parquet_file)) {
    await check(`shredded_variant/${c.parquet_file} ${c.test}`, () =>
      (c.error_message || invalid.includes(c.parquet_file) ? refused(`${shredded}/${c.parquet_file}`, /variant/i) : variants(shredded, c)))
  }
}
