// Changes of a tracked table: data.parquet and the deltas are read by others, and give the table again.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { check, sqlite, text } from './check.mjs'
import { duckdb, readAll } from './readers.mjs'

const lake = join(process.cwd(), 'lake')
const folder = join(lake, 'cdc/app/people')
const glob = text(join(folder, 'deltas/*.parquet'))
const base = text(join(folder, 'data.parquet'))
const deltas = () => readdirSync(join(folder, 'deltas')).sort()
const json = (sql) => {
  const out = sqlite(`.mode json\n${sql};\n`)
  return out.trim() ? JSON.parse(out.slice(out.search(/^\[/m))) : []
}

await check('a table is tracked, changed and flushed', () => {
  sqlite(`SELECT tarn_config('autoFlush', 'off'), tarn_open(${text(lake)});
    CREATE TABLE people(name TEXT PRIMARY KEY, n REAL, note) WITHOUT ROWID;
    INSERT INTO people WITH RECURSIVE s(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM s WHERE i < 4999)
      SELECT 'né ' || i, i / 8.0, iif(i % 5, 'note "' || i || '"', NULL) FROM s;
    SELECT tarn_track('people', '{"namespace":"app","trackPrevious":true}');
    UPDATE people SET n = n + 0.5, note = 'changed' WHERE name < 'né 2';
    DELETE FROM people WHERE name LIKE 'né 3%';
    BEGIN; INSERT INTO people VALUES('new', 1e300, 'x'), ('a "quoted" one', -0.5, NULL); DELETE FROM people WHERE n = 3; COMMIT;
    SELECT tarn_flush();
    REPLACE INTO people VALUES('new', 7, 'again');
    UPDATE people SET name = 'renamed' WHERE name = 'né 44';
    SELECT tarn_flush();\n`)
  assert.equal(deltas().length, 2)
})

await check('three readers agree on base and deltas', async () => {
  for (const file of [join(folder, 'data.parquet'), ...deltas().map((f) => join(folder, 'deltas', f))]) await readAll(file)
})

await check('DuckDB sees the columns of the specification', async () => {
  const columns = async (file) => (await duckdb(`DESCRIBE SELECT * FROM read_parquet(${file})`))
    .map((c) => `${c.column_name} ${c.column_type}`)
  assert.deepEqual(await columns(glob), ['op', 'pk', 'ts', 'data', 'prev', 'bookmark'].map((c) => `${c} VARCHAR`))
  assert.deepEqual(await columns(base), ['pk', 'ts', 'data', 'bookmark'].map((c) => `${c} VARCHAR`))
})

await check('base and deltas give the table, in SQL', async () => {
  const rows = await duckdb(`WITH said AS (
      SELECT pk, data, '' AS bookmark, -1 AS n FROM read_parquet(${base})
      UNION ALL SELECT pk, data, bookmark, file_row_number FROM read_parquet(${glob}, file_row_number = true)),
    last AS (SELECT pk, arg_max(struct_pack(d := data), (bookmark, n)).d AS data FROM said GROUP BY pk)
    SELECT data FROM last WHERE data IS NOT NULL`)
  const want = json('SELECT name, n, note FROM people')
  const form = (r) => JSON.stringify([r.name, r.n, r.note])
  assert.deepEqual(rows.map((r) => form(JSON.parse(r.data))).sort(), want.map(form).sort())
})

await check('prev is what the row was, and a bookmark is one transaction', async () => {
  const [row] = await duckdb(`SELECT count(*) FILTER (op = 'update')::INT AS updates,
      count(*) FILTER (op = 'update' AND prev IS NOT NULL AND data IS NOT NULL)::INT AS both,
      count(*) FILTER (op = 'delete' AND data IS NOT NULL)::INT AS wrong,
      count(DISTINCT bookmark)::INT AS bookmarks, bool_and(ts LIKE '____-__-__T__:__:__.___Z') AS iso
    FROM read_parquet(${glob})`)
  assert.ok(row.updates > 1000)
  assert.deepEqual(row, { updates: row.updates, both: row.updates, wrong: 0, bookmarks: 5, iso: true })
})

await check('DuckDB finds a key by statistics and bloom filter', async () => {
  for (const pk of ['né 1', 'né 4999', 'a "quoted" one', 'nobody']) {
    const [n] = await duckdb(`SELECT count(*)::INT AS n FROM read_parquet(${glob}) WHERE pk = ${text(pk)}`)
    const [all] = await duckdb(`SELECT count(*)::INT AS n FROM read_parquet(${glob}) WHERE pk || '' = ${text(pk)}`)
    assert.equal(n.n, all.n, pk)
  }
})

await check('the footer explains the file', async () => {
  const rows = await duckdb(`SELECT decode(key) AS key, decode(value) AS value
    FROM parquet_kv_metadata(${text(join(folder, 'deltas', deltas()[0]))})`)
  const meta = Object.fromEntries(rows.map((r) => [r.key, r.value]))
  assert.equal(meta['tarn.collection'], 'app/people')
  const [definition] = JSON.parse(meta['tarn.definitions'])
  assert.deepEqual([definition.key, definition.columns.map((c) => `${c.name} ${c.affinity}`)],
    [['name'], ['name TEXT', 'n REAL', 'note BLOB']])
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json')))
  const [{ n }] = await duckdb(`SELECT count(*)::INT AS n FROM read_parquet(${glob})`)
  const { insert, update, delete: deleted, files } = manifest.counts
  assert.deepEqual([insert + update + deleted, files], [n, 2])
  assert.ok(manifest.lastBookmark > manifest.firstBookmark)
})
