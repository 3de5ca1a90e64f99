// Three readers of Parquet that share no code: DuckDB (C++), parquet-wasm (Rust), hyparquet (JS).
//
// Each gives a file's rows as plain objects in one canonical form, so that they can be compared:
//   times (any unit)          'YYYY-MM-DD HH:MM:SS.SSS', three more digits when there are microseconds
//   integers                  numbers; decimal text beyond 2^53
//   doubles                   numbers; 'NaN', 'Infinity', '-Infinity' and '-0' as text
//   bytes that are not text   { hex: '...' }
// Flat schemas are what they are for; nested values come out as JSON of their parts.
import { readFile } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { tableFromIPC } from '@uwdata/flechette'
import { parquetReadObjects, parquetSchema, parquetMetadata } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { readParquet } from 'parquet-wasm'

class Time {
  constructor(micros) {
    this.micros = micros
  }
  toString() {
    const ms = this.micros / 1000n - (this.micros % 1000n < 0n ? 1n : 0n)
    const rest = this.micros - ms * 1000n
    const iso = new Date(Number(ms)).toISOString().replace('T', ' ').replace('Z', '')
    return rest ? iso + String(rest).padStart(3, '0') : iso
  }
}

function canonical(v) {
  if (v === null || v === undefined) return null
  if (v instanceof Time) return v.toString()
  if (typeof v === 'bigint') {
    return v >= BigInt(Number.MIN_SAFE_INTEGER) && v <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(v) : String(v)
  }
  if (typeof v === 'number') return Number.isFinite(v) && !Object.is(v, -0) ? v : Object.is(v, -0) ? '-0' : String(v)
  if (v instanceof Uint8Array) return { hex: Buffer.from(v).toString('hex') }
  if (v instanceof Date) return new Time(BigInt(v.getTime()) * 1000n).toString()
  if (Array.isArray(v)) return v.map(canonical)
  if (typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, canonical(x)]))
  return v
}

let instance
export async function duckdb(sql) { // rows of a query, in canonical form
  instance ??= await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '512MB' })
  const connection = await instance.connect()
  try {
    await connection.run("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'")
    const reader = await connection.runAndReadAll(sql)
    const names = reader.columnNames()
    return reader.getRows().map((row) => Object.fromEntries(row.map((v, i) => [names[i], fromDuckdb(v)])))
  } finally {
    connection.closeSync()
  }
}

function fromDuckdb(v) {
  if (v === null || typeof v !== 'object') return canonical(v)
  if ('micros' in v && Object.keys(v).length === 1) return canonical(new Time(v.micros))
  if ('millis' in v) return canonical(new Time(v.millis * 1000n))
  if ('seconds' in v) return canonical(new Time(v.seconds * 1000000n))
  if ('nanos' in v) return canonical(new Time(v.nanos / 1000n))
  if ('bytes' in v) return canonical(Uint8Array.from(v.bytes))
  if ('items' in v) return v.items.map(fromDuckdb)
  if ('entries' in v && !Array.isArray(v.entries)) {
    return Object.fromEntries(Object.entries(v.entries).map(([k, x]) => [k, fromDuckdb(x)]))
  }
  return String(v)
}

const quote = (s) => `'${s.replaceAll("'", "''")}'`

export async function readDuckdb(path) {
  return duckdb(`SELECT * FROM read_parquet(${quote(path)}, hive_partitioning = false)`)
}

export async function readRust(path) {
  const table = tableFromIPC(readParquet(await readFile(path)).intoIPCStream(), { useBigInt: true })
  const columns = table.schema.fields.map((field, i) => {
    const values = table.getChildAt(i).toArray()
    const timestamp = field.type.typeId === 10
    // The times come as milliseconds in a double; its fraction is the microseconds.
    return [field.name, timestamp ? (row) => micros(values[row]) : (row) => values[row]]
  })
  return Array.from({ length: table.numRows }, (_, row) =>
    Object.fromEntries(columns.map(([name, at]) => [name, canonical(at(row))])))
}

function micros(ms) {
  return ms === null || ms === undefined ? null : new Time(BigInt(Math.round(ms * 1000)))
}

export async function readScript(path) {
  const bytes = await readFile(path)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const decoder = new TextDecoder()
  const rows = await parquetReadObjects({
    file,
    compressors,
    utf8: false,
    parsers: {
      timestampFromMilliseconds: (v) => new Time(BigInt(v) * 1000n),
      timestampFromMicroseconds: (v) => new Time(BigInt(v)),
      timestampFromNanoseconds: (v) => new Time(BigInt(v) / 1000n),
      jsonFromBytes: (v) => v && decoder.decode(v),
    },
  })
  // Objects in the order of the file's columns, as the other two give them.
  const names = parquetSchema(parquetMetadata(file)).children.map((c) => c.element.name)
  return rows.map((row) => Object.fromEntries(names.map((n) => [n, canonical(row[n])])))
}

export const readers = { duckdb: readDuckdb, 'parquet-wasm': readRust, hyparquet: readScript }

// The rows of a file, once all three agree on them, in the same order.
export async function readAll(path) {
  let first
  for (const [name, read] of Object.entries(readers)) {
    let rows
    try {
      rows = await read(path)
    } catch (e) {
      throw new Error(`${name} can't read ${path}: ${e.message ?? e}`)
    }
    if (!first) {
      first = { name, rows }
      continue
    }
    if (rows.length !== first.rows.length) {
      throw new Error(`${path}: ${first.rows.length} rows by ${first.name}, ${rows.length} by ${name}`)
    }
    for (let i = 0; i < rows.length; i++) {
      const a = JSON.stringify(first.rows[i])
      const b = JSON.stringify(rows[i])
      if (a !== b) {
        throw new Error(`${path} row ${i}: ${first.name} reads ${a.slice(0, 300)}, ${name} reads ${b.slice(0, 300)}`)
      }
    }
  }
  return first.rows
}
