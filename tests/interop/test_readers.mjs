// The yardstick itself: the three readers agree on what DuckDB writes, and notice what differs.
import assert from 'node:assert/strict'
import { truncateSync, statSync } from 'node:fs'
import { check, sameRows } from './check.mjs'
import { duckdb, readAll } from './readers.mjs'

const rows = `SELECT range AS i, CASE WHEN range % 3 = 0 THEN NULL ELSE 'é' || range END AS s,
  make_timestamp_ms(1770000000000 + range * 7)::TIMESTAMPTZ AS ts, range / 7 AS d, range % 2 = 0 AS b,
  (range * 1000003)::INTEGER AS small, CAST(range AS HUGEINT)::VARCHAR::BLOB AS bytes FROM range(1500)`

await check('the three agree on every codec and version', async () => {
  const want = await duckdb(rows)
  assert.equal(want[1].ts, '2026-02-02 02:40:00.007')
  assert.deepEqual(want[1].bytes, { hex: '31' })
  for (const codec of ['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli']) {
    for (const version of ['V1', 'V2']) {
      const file = `${codec}_${version}.parquet`
      await duckdb(`COPY (${rows}) TO '${file}' (FORMAT parquet, COMPRESSION ${codec}, PARQUET_VERSION ${version})`)
      sameRows(await readAll(file), want)
    }
  }
})

await check('a broken file is an error', async () => {
  truncateSync('zstd_V1.parquet', statSync('zstd_V1.parquet').size - 100)
  await assert.rejects(readAll('zstd_V1.parquet'), /can't read/)
})

await check('a missing and a changed row are noticed', () => {
  assert.throws(() => sameRows([{ a: 1 }], [{ a: 1 }, { a: 1 }]), /1 rows found, 2 expected/)
  assert.throws(() => sameRows([{ a: 1 }], [{ a: 2 }]), /not expected/)
})
