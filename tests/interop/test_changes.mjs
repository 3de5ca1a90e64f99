// Captured changes are read by DuckDB with the queries that the README shows, taken from there.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { check, sqlite } from './check.mjs'
import { duckdb } from './readers.mjs'

// The SQL of the README's example, and what DuckDB is asked about it: the indented lines of the section.
const section = readFileSync(join(process.env.TOP, 'README.md'), 'utf8').split('\n## ').find((s) => s.startsWith('Change capture'))
const blocks = section.split(/\n(?! {4}|\n)/).map((part) => part.split('\n').filter((l) => l.startsWith('    ')).join('\n').trim()).filter(Boolean)
const example = blocks.find((b) => b.startsWith('CREATE TABLE users'))
const queries = blocks.find((b) => b.includes('read_parquet')).split(';').map((q) => q.trim()).filter(Boolean)

const made = sqlite(`${example.split('\n').filter((l) => /;|^ {4}/.test(l) && !/[┌│├└]/.test(l)).join('\n')}
  SELECT '#' || tarn_bookmark(); SELECT tarn_flush();\n`, { database: 'app.db' })
const last = /#(\S+)/.exec(made)[1]
const ask = (i) => duckdb(queries[i].replace(/0{8}-0{15}3-[0-9a-f]{12}-[0-9a-f]{16}/, last))

await check('the README shows three queries', () => assert.equal(queries.length, 3))

await check("one row's history", async () => {
  const rows = await ask(0)
  assert.deepEqual(rows.map((r) => [r.op, r.pk, r.data]), [
    ['insert', '2', '{"id":2,"name":"Bob","score":7.0}'], ['update', '2', '{"id":2,"name":"Bob","score":8.0}']])
  for (const r of rows) assert.match(r.ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

await check('what lies between two bookmarks', async () => {
  const rows = await ask(1)
  assert.deepEqual(rows.map((r) => [r.op, r.pk, r.prev]), [
    ['insert', '1', null], ['insert', '2', null], ['update', '2', '{"id":2,"name":"Bob","score":7.0}']])
  assert.equal(rows[2].bookmark, last)
})

await check('the table as it was at a bookmark', async () => {
  const rows = await ask(2)
  rows.sort((a, b) => a.pk - b.pk)
  assert.deepEqual(rows.map((r) => [r.pk, r.name, r.score]), [['1', 'Ada', 9.5], ['2', 'Bob', 8]])
})
