// Seeds of another writer: small files by DuckDB, flat and nested, in every codec and both versions.
//
//   node seeds_duckdb.mjs FOLDER
//
// Runs from build/interop, where its packages are.
import { duckdb } from './readers.mjs'

const folder = process.argv[2]
const flat = `SELECT i::INTEGER AS i, i::BIGINT * 1000 AS b, i::UTINYINT AS u, (i * 3)::DOUBLE AS d, i::FLOAT AS f,
  i % 2 = 0 AS t, nullif('text ' || i % 7, 'text 3') AS s, ('x' || i)::BLOB AS x, (i / 8)::DECIMAL(9, 3) AS small,
  i::DECIMAL(30, 4) AS wide, DATE '2026-02-02' + i::INTEGER AS day, make_timestamp(i::BIGINT * 1000001) AS ts,
  TIME '01:02:03' AS clock, md5(i::VARCHAR)::VARCHAR AS h, gen_random_uuid() AS id, to_days(i::INTEGER) AS span
  FROM range(60) r(i)`
const nested = `SELECT [i, NULL, i + 1] AS list, {'a': i, 'b': ['x', NULL]} AS pair, MAP {'k' || i: i} AS map,
  [[i], [], NULL] AS lists, CASE WHEN i % 3 > 0 THEN [{'n': i}] END AS rows FROM range(40) r(i)`

for (const codec of ['snappy', 'zstd', 'gzip', 'lz4_raw', 'brotli', 'uncompressed']) {
  for (const version of ['V1', 'V2']) {
    for (const [name, query] of Object.entries({ flat, nested })) {
      await duckdb(`COPY (${query}) TO '${folder}/duckdb-${name}-${codec}-${version}' (FORMAT parquet,
        COMPRESSION ${codec}, PARQUET_VERSION ${version}${version === 'V2' && name === 'flat' ? ', DICTIONARY_SIZE_LIMIT 0' : ''})`)
    }
  }
}
