// What tarn_export writes is read by DuckDB, with the types and values that SQLite has.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { check, sqlite, text } from './check.mjs'
import { duckdb } from './readers.mjs'

const file = (name) => join(process.cwd(), name)
const json = (sql) => {
  const out = sqlite(`.mode json\n${sql};\n`)
  return out.trim() ? JSON.parse(out.slice(out.search(/^\[/m))) : []
}

sqlite(`CREATE TABLE t(k INTEGER, i INT, r REAL, s TEXT, b BLOB, o BOOLEAN, d DATE, ms TIMESTAMP(3), us DATETIME,
    j JSON, u UUID, m DECIMAL(12, 3), w TEXT, e);
  INSERT INTO t WITH RECURSIVE n(k) AS (VALUES(0) UNION ALL SELECT k + 1 FROM n WHERE k < 20000)
  SELECT k, iif(k % 7, k * 1000003 % 4096 - 2048, NULL), k / 7.0, 'wört-' || (k % 100), randomblob(k % 5), k % 2,
    date('1950-01-01', '+' || k || ' days'), strftime('%Y-%m-%d %H:%M:%f', 1770044999.125 + k * 61, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', 1770044999 - k * 86399, 'unixepoch') || printf('.%06d', k * 31 % 1000000),
    json_object('k', k), printf('%08x-0000-4000-8000-0123456789ab', k), (k - 9000) / 8.0,
    printf('%d.%020d', k, k), iif(k % 3, 'e' || k, NULL) FROM n;\n`)

// One row of texts per row of t, in a form that both engines print alike.
const select = {
  ours: `SELECT k, i, hex(b) AS b, s, o, d, ms, us, j, u, printf('%.3f', m) AS m, w, e FROM t`,
  theirs: (f) => `SELECT k, i, hex(b) AS b, s, o::INT AS o, d::VARCHAR AS d,
    strftime(ms AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%g') AS ms,
    strftime(us AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f') AS us,
    j::VARCHAR AS j, u::VARCHAR AS u, m::VARCHAR AS m, w::VARCHAR AS w, e FROM read_parquet(${text(f)})`,
}
const plain = (rows) => rows.map((r) => JSON.stringify(Object.values(r).map((v) => (v === null ? null : String(v)))))
const want = plain(json(`${select.ours} ORDER BY k`))

for (const codec of ['zstd', 'snappy', 'gzip', 'lz4_raw', 'uncompressed']) {
  await check(`DuckDB reads every type, ${codec}`, async () => {
    const f = file(`${codec}.parquet`)
    const options = JSON.stringify({ codec, rowGroupSize: 6000, pageRows: 1000, bloom: ['s', 'u'], sortedBy: 'k',
      dictionary: codec !== 'gzip', metadata: { from: 'test' }, types: { w: 'DECIMAL(38,20)' } })
    sqlite(`SELECT tarn_export('SELECT * FROM t ORDER BY k', ${text(f)}, ${text(options)});\n`)
    const got = plain(await duckdb(`${select.theirs(f)} ORDER BY k`))
    assert.equal(got.length, want.length)
    for (let i = 0; i < want.length; i++) assert.equal(got[i], want[i])
    const sums = await duckdb(`SELECT sum(r)::VARCHAR AS r, count(DISTINCT r)::INT AS n FROM read_parquet(${text(f)})`)
    const [ours] = json('SELECT sum(r) AS r, count(DISTINCT r) AS n FROM t')
    assert.ok(Math.abs(Number(sums[0].r) - ours.r) < 1e-6 && sums[0].n === ours.n, `${JSON.stringify(sums)}`)
  })
}

await check('DuckDB sees the types', async () => {
  const schema = await duckdb(`DESCRIBE SELECT * FROM read_parquet(${text(file('zstd.parquet'))})`)
  assert.deepEqual(schema.map((c) => c.column_type.replace('JSON', 'VARCHAR')), [
    'BIGINT', 'BIGINT', 'DOUBLE', 'VARCHAR', 'BLOB', 'BOOLEAN', 'DATE', 'TIMESTAMP WITH TIME ZONE',
    'TIMESTAMP WITH TIME ZONE', 'VARCHAR', 'UUID', 'DECIMAL(12,3)', 'DECIMAL(38,20)', 'VARCHAR'])
})

await check('DuckDB finds by statistics, index and bloom filter what is there', async () => {
  const f = text(file('snappy.parquet'))
  for (const where of ["u = '00001000-0000-4000-8000-0123456789ab'", "s = 'wört-7' AND k < 500", 'k BETWEEN 11990 AND 12010',
    "d = '1960-06-06'", 'm = -0.125', "s = 'none'"]) {
    const [n] = await duckdb(`SELECT count(*)::INT AS n FROM read_parquet(${f}) WHERE ${where}`)
    assert.equal(n.n, json(`SELECT count(*) AS n FROM t WHERE ${where}`)[0].n, where)
  }
})

await check('events, exported, are those of the lake', async () => {
  sqlite(`SELECT tarn_open('./lake'); INSERT INTO events(ts, type, verified, status_code, duration_ms, payload)
    SELECT 1770044000125 + k * 1001, 'type-' || (k % 5), iif(k % 3, k % 2, NULL), k % 600, k / 8.0, json_object('id', k)
    FROM t; SELECT tarn_flush(); SELECT tarn_export('SELECT * FROM events', ${text(file('events.parquet'))});\n`)
  const columns = 'ts, type, source, verified, status_code, duration_ms, payload'
  const [row] = await duckdb(`WITH a AS (SELECT ${columns} FROM read_parquet(${text(file('events.parquet'))})),
    b AS (SELECT ${columns} FROM read_parquet(${text(file('lake/events/**/*.parquet'))}))
    SELECT (SELECT count(*) FROM a)::INT AS n, (SELECT count(*) FROM (FROM a EXCEPT ALL FROM b))::INT AS more,
      (SELECT count(*) FROM (FROM b EXCEPT ALL FROM a))::INT AS less, typeof((SELECT max(ts) FROM a)) AS type`)
  assert.deepEqual(row, { n: 20001, more: 0, less: 0, type: 'TIMESTAMP WITH TIME ZONE' })
})
