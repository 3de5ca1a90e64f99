// One question to Tarn, in the sqlite3 shell, and to DuckDB, and their answers compared row by row;
// and running the examples. Rows are arrays of values.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { sqlite } from './check.mjs'
import { duckdb } from './readers.mjs'

export function tarn(database, sql) {
  const printed = sqlite(sql, { database, args: ['-json'] }).trim()
  return printed === '' ? [] : JSON.parse(printed).map(Object.values)
}

export async function oracle(sql) {
  return (await duckdb(sql)).map(Object.values)
}

function equal(ours, theirs) {
  const b = typeof theirs === 'boolean' ? Number(theirs) : theirs
  if (ours === b) return true
  // Sums of doubles depend on the order of the rows.
  return typeof ours === 'number' && typeof b === 'number' &&
    Math.abs(ours - b) <= 1e-9 * Math.max(Math.abs(ours), Math.abs(b))
}

// In order. Both must have `least` rows or more: two empty answers prove nothing.
export function sameAnswer(ours, theirs, least = 1) {
  assert.equal(ours.length, theirs.length, `Tarn has ${ours.length} rows, DuckDB ${theirs.length}`)
  assert(ours.length >= least, `${ours.length} rows, at least ${least} were expected`)
  for (const [r, row] of ours.entries()) {
    assert.equal(row.length, theirs[r].length, `row ${r + 1}: ${row.length} and ${theirs[r].length} columns`)
    for (const [c, value] of row.entries()) {
      assert(equal(value, theirs[r][c]), `row ${r + 1}, column ${c + 1}: Tarn has ${JSON.stringify(value)}, ` +
        `DuckDB ${JSON.stringify(theirs[r][c])}`)
    }
  }
}

// Runs examples/run.sh NAME in the folder `out`; gives what it printed.
export function example(name, out, ...args) {
  const run = spawnSync(`${process.env.TOP}/examples/run.sh`, [name, ...args],
    { encoding: 'utf8', env: { ...process.env, OUT: out }, maxBuffer: 1 << 28 })
  if (run.error) throw run.error
  assert.equal(run.status, 0, `examples/run.sh ${name} ended with ${run.signal ?? run.status}: ${run.stderr}`)
  return run.stdout
}

// The folder with the real inputs of examples/real, or null.
export function realData() {
  const folder = process.env.TARN_REAL_DATA || `${process.env.TOP}/../shared/data/real`
  return existsSync(folder) ? folder : null
}
