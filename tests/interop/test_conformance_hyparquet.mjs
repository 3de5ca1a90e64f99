// hyparquet's own test files: every row of every file equals its golden JSON, and so does what the
// footer says of every schema element, row group and column chunk (offsets of pages that lie outside
// of their chunk are hints that Tarn drops; bounds of which it is not sure are NULL).
//
// The golden files were written by JavaScript, which has neither 64-bit integers beside doubles nor
// bytes beside text in JSON. So these count as equal, and nothing else:
//   true                         1
//   1                            1.0
//   an integer beyond 2^53       one that is the same double
//   0.30000000000000004          the decimal 0.3: within four units of the last place of a double
//   null                         NaN and the infinities, of which JSON.stringify makes null
//   '2026-02-02T14:00:00.125Z'   '2026-02-02 14:00:00.125' with any digits after the milliseconds, and a
//                                DATE of that day
//   'text', [1, 2, 3]            a BLOB of these bytes
//   {} without a member          a member that is NULL
//   GeoJSON                      well-known binary of that geometry
// and in two files, whose golden rows have null for lists that are empty (DuckDB reads [] there):
//   null                         []
import { readFileSync, readdirSync } from 'node:fs'
import assert from 'node:assert/strict'
import { check, sqlite, text } from './check.mjs'
import { bytesOf, data, geoJson, have, parseExact, read, sameCells } from './conformance.mjs'

const near = (a, b) => a === b || Math.abs(a - b) <= 4 * Number.EPSILON * Math.max(Math.abs(a), Math.abs(b))
const isTime = /^([+-]\d\d)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const isNumber = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/

function sameText(golden, found) {
  if (typeof found !== 'string') return false
  if (golden === found) return true
  if (!isTime.test(golden)) return false
  return golden === (found.includes(' ') ? found.replace(' ', 'T').replace(/(\.\d{3})\d*$/, '$1Z') : `${found}T00:00:00.000Z`)
}

function sameBytes(golden, bytes) {
  if (typeof golden === 'string') return bytes.toString('utf8') === golden
  if (Array.isArray(golden)) return golden.length === bytes.length && golden.every((b, i) => Number(b) === bytes[i])
  return same(golden, geoJson(bytes))
}

const emptyIsNull = ['adam_genotypes.parquet', 'duckdb2557.parquet']
let lenient = false

function same(golden, found) {
  const bytes = bytesOf(found)
  if (lenient && golden === null && Array.isArray(found) && found.length === 0) return true
  if (golden === null || golden === undefined) {
    return found === null || found === undefined || ['NaN', 'Infinity', '-Infinity'].includes(found)
  }
  if (bytes) return sameBytes(golden, bytes)
  if (typeof golden === 'boolean') return found === golden || found === BigInt(golden)
  if (typeof golden === 'bigint' && typeof found === 'bigint') {
    return golden === found || (Math.abs(Number(golden)) > Number.MAX_SAFE_INTEGER && Number(golden) === Number(found))
  }
  if (typeof golden === 'bigint' || typeof golden === 'number') {
    if (typeof found === 'string') return isNumber.test(found) && (found === String(golden) || near(Number(golden), Number(found)))
    return (typeof found === 'number' || typeof found === 'bigint') && near(Number(golden), Number(found))
  }
  if (typeof golden === 'string') return sameText(golden, found)
  if (found === null || typeof found !== 'object') return false
  if (Array.isArray(golden)) {
    return Array.isArray(found) && golden.length === found.length && golden.every((g, i) => same(g, found[i]))
  }
  return [...new Set([...Object.keys(golden), ...Object.keys(found)])].every((k) => same(golden[k], found[k]))
}

// JSON text, of a list, map, struct or variant, is compared by what it says.
function sameCell(golden, found) {
  if (typeof found === 'string' && found !== golden) {
    try {
      if (same(golden, parseExact(found))) return true
    } catch {
      // not JSON
    }
  }
  return same(golden, found)
}

function query(sql) {
  const out = sqlite(`.mode json\n${sql};\n`, { database: ':memory:' })
  return out.trim() ? JSON.parse(out) : []
}

// One value of the footer as Tarn lists it, and as the golden file has it.
function equal(what, found, golden) {
  assert.deepEqual(found ?? null, golden ?? null, what)
}

function sameChunk(found, chunk, group) {
  const golden = chunk.meta_data
  const name = golden.path_in_schema.join('.')
  equal('path', found.path_in_schema, name)
  equal(`${name}: rows`, found.row_group_num_rows, group.num_rows)
  equal(`${name}: type`, found.type, golden.type)
  equal(`${name}: codec`, found.compression, golden.codec)
  equal(`${name}: values`, found.num_values, golden.num_values)
  equal(`${name}: encodings`, (found.encodings?.split(/, */) ?? []).sort(), [...new Set(golden.encodings)].sort())
  equal(`${name}: compressed size`, found.total_compressed_size, group.num_rows ? golden.total_compressed_size : 0)
  equal(`${name}: size`, found.total_uncompressed_size, golden.total_uncompressed_size)
  if (group.num_rows) equal(`${name}: first data page`, found.data_page_offset, golden.data_page_offset)
  if (found.dictionary_page_offset !== null) equal(`${name}: dictionary`, found.dictionary_page_offset, golden.dictionary_page_offset)
  equal(`${name}: NULLs`, found.stats_null_count, golden.statistics?.null_count)
  equal(`${name}: column index`, found.column_index_offset, chunk.column_index_offset)
  equal(`${name}: offset index`, found.offset_index_offset, chunk.offset_index_offset)
  equal(`${name}: bloom filter`, found.bloom_filter_offset, golden.bloom_filter_offset)
}

function sameFooter(path, golden) {
  const chunks = query(`SELECT * FROM parquet_metadata(${text(path)}) ORDER BY row_group_id, column_id`)
  const schema = query(`SELECT * FROM parquet_schema(${text(path)})`)
  const [file] = query(`SELECT * FROM parquet_file_metadata(${text(path)})`)
  const kv = query(`SELECT * FROM parquet_kv_metadata(${text(path)})`)
  const wanted = golden.row_groups.flatMap((g) => g.columns.map((c) => [c, g]))
  equal('chunks', chunks.length, wanted.length)
  wanted.forEach(([chunk, group], i) => sameChunk(chunks[i], chunk, group))
  equal('elements', schema.length, golden.schema.length)
  golden.schema.forEach((e, i) => {
    equal('element', schema[i].name, e.name)
    equal(`${e.name}: type`, schema[i].type, e.type)
    equal(`${e.name}: length`, schema[i].type_length, e.type === 'FIXED_LEN_BYTE_ARRAY' ? e.type_length : null)
    equal(`${e.name}: children`, schema[i].num_children, e.num_children || null) // a leaf may say 0
    if (i > 0) equal(`${e.name}: repetition`, schema[i].repetition_type, e.repetition_type ?? 'REQUIRED')
  })
  equal('created_by', file.created_by, golden.created_by)
  equal('version', file.format_version, golden.version)
  equal('footer', file.footer_size, golden.metadata_length)
  equal('keys', kv.map((r) => [r.key, r.value]), (golden.key_value_metadata ?? []).map((r) => [r.key, r.value ?? null]))
}

const folder = data('hyparquet/test/files')
if (have('hyparquet/test/files')) {
  for (const file of readdirSync(folder).filter((f) => f.endsWith('.parquet')).sort()) {
    await check(file, () => {
      const golden = parseExact(readFileSync(`${folder}/${file.replace(/parquet$/, 'json')}`, 'utf8'))
      lenient = emptyIsNull.includes(file)
      const { names, rows } = read(`${folder}/${file}`)
      sameCells(rows, golden, sameCell, names)
    })
    await check(`${file} metadata`, () =>
      sameFooter(`${folder}/${file}`, JSON.parse(readFileSync(`${folder}/${file.replace(/parquet$/, 'metadata.json')}`, 'utf8'))))
  }
}
