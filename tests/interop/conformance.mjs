// What the conformance tests share: the rows that Tarn reads of a file, exactly, and the few rules by
// which they equal a golden file's or another reader's.
//
// A cell of Tarn's is null, a BigInt (INTEGER), a number (REAL), a string (TEXT) or a Buffer (BLOB).
// Columns of lists, maps, structs and variants are JSON text; parseExact keeps their integers apart
// from their doubles.
import { existsSync } from 'node:fs'
import { sqlite, text } from './check.mjs'

const shared = process.env.TARN_REAL_DATA ? `${process.env.TARN_REAL_DATA}/..` : `${process.env.TOP}/../shared/data`
export const data = (name) => `${shared}/${name}`

// False, with a line that says so, when the data is not on this machine.
export function have(name) {
  if (existsSync(data(name))) return true
  console.log(`skip ${name}: not here; TARN_REAL_DATA names the folder beside it`)
  return false
}

const name = (s) => `"${s.replaceAll('"', '""')}"`
const exact = (c) => `CASE typeof(${c}) WHEN 'text' THEN 't' || hex(${c}) WHEN 'blob' THEN 'b' || hex(${c}) ` +
  `WHEN 'real' THEN 'r' || hex(ieee754_to_blob(${c})) ELSE quote(${c}) END`

function cell(s) {
  if (s === 'NULL') return null
  const bytes = () => Buffer.from(s.slice(1), 'hex')
  switch (s[0]) {
    case 't': return bytes().toString('utf8')
    case 'b': return bytes()
    case 'r': return bytes().readDoubleBE()
    default: return BigInt(s)
  }
}

// { names, rows } of a file through the table `parquet`; rows are arrays. Throws what SQLite says.
// Hidden columns, the leaves of groups among them, are read too when `leaves` is a list of them.
export function read(path, { options = null, leaves = [] } = {}) {
  const make = `CREATE VIRTUAL TABLE temp.t USING parquet(${text(path)}${options ? `, ${text(JSON.stringify(options))}` : ''});\n`
  const names = sqlite(`${make}.mode json\nSELECT name FROM pragma_table_info('t');\n`, { database: ':memory:' })
  const columns = [...(names.trim() ? JSON.parse(names).map((r) => r.name) : []), ...leaves]
  const list = columns.length ? columns.map((c) => exact(name(c))).join(', ') : "'NULL'"
  const out = sqlite(`${make}.mode list\n.separator |\nSELECT ${list} FROM temp.t;\n`, { database: ':memory:' })
  const lines = out === '' ? [] : out.slice(0, -1).split('\n')
  return { names: columns, rows: lines.map((l) => (columns.length ? l.split('|').map(cell) : [])) }
}

// JSON in which 1 is a BigInt and 1.0 a number.
export function parseExact(json) {
  const marked = json.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g,
    (m) => (m[0] === '"' || /[.eE]/.test(m) ? m : `"\\u0001${m}"`))
  return JSON.parse(marked, (_, v) => (typeof v === 'string' && v[0] === '\u0001' ? BigInt(v.slice(1)) : v))
}

// The bytes behind a cell or a member of JSON that stands for bytes, or null.
export function bytesOf(v) {
  if (Buffer.isBuffer(v)) return v
  if (v && typeof v === 'object' && typeof v.$base64 === 'string') return Buffer.from(v.$base64, 'base64')
  return null
}

// Text of a time without the zeros at the end of its fraction: '…:01.500000' and '…:01.5' are equal.
export const bareTime = (s) => s.replace(/(:\d\d)\.(\d*?)0*$/, (_, a, b) => (b ? `${a}.${b}` : a))

// Well-known binary to GeoJSON: what one golden file shows geometries as.
export function geoJson(bytes) {
  let at = 0
  const u8 = () => bytes.readUInt8(at++)
  const u32 = () => (at += 4, bytes.readUInt32LE(at - 4))
  const f64 = () => (at += 8, bytes.readDoubleLE(at - 8))
  const list = (n, read_) => Array.from({ length: n }, read_)
  const one = () => {
    if (u8() !== 1) throw new Error('big-endian geometry')
    const code = u32()
    const size = 2 + (code % 1000 > 0 && code >= 1000 ? (code >= 3000 ? 2 : 1) : 0)
    const point = () => list(size, f64)
    const line = () => list(u32(), point)
    const parts = () => list(u32(), () => one().coordinates)
    switch (code % 1000) {
      case 1: return { type: 'Point', coordinates: point() }
      case 2: return { type: 'LineString', coordinates: line() }
      case 3: return { type: 'Polygon', coordinates: list(u32(), line) }
      case 4: return { type: 'MultiPoint', coordinates: parts() }
      case 5: return { type: 'MultiLineString', coordinates: parts() }
      case 6: return { type: 'MultiPolygon', coordinates: parts() }
      case 7: return { type: 'GeometryCollection', geometries: list(u32(), one) }
      default: throw new Error(`geometry ${code}`)
    }
  }
  return one()
}

export function show(v) {
  return JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? `${x}n` : Buffer.isBuffer(x) ? x.toString('hex') : x))?.slice(0, 200)
}

// Throws with the first cell for which same(expected, found, column, row) is false.
export function sameCells(found, expected, same, names = []) {
  if (found.length !== expected.length) throw new Error(`${found.length} rows, ${expected.length} expected`)
  for (let r = 0; r < expected.length; r++) {
    if (found[r].length !== expected[r].length) {
      throw new Error(`${found[r].length} columns (${names}), ${expected[r].length} expected`)
    }
    for (let c = 0; c < expected[r].length; c++) {
      if (!same(expected[r][c], found[r][c], c, r)) {
        throw new Error(`row ${r}, column ${names[c] ?? c}: ${show(found[r][c])}, expected ${show(expected[r][c])}`)
      }
    }
  }
}
