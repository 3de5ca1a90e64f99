// hyparquet's own test files: every row of every file equals its golden JSON.
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
import { check } from './check.mjs'
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

const folder = data('hyparquet/test/files')
if (have('hyparquet/test/files')) {
  for (const file of readdirSync(folder).filter((f) => f.endsWith('.parquet')).sort()) {
    await check(file, () => {
      const golden = parseExact(readFileSync(`${folder}/${file.replace(/parquet$/, 'json')}`, 'utf8'))
      lenient = emptyIsNull.includes(file)
      const { names, rows } = read(`${folder}/${file}`)
      sameCells(rows, golden, sameCell, names)
    })
  }
}
