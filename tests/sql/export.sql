-- tarn_export(sql, path[, options]): a query as one Parquet file.
.mode list
CREATE TABLE t(id INTEGER PRIMARY KEY, at DATETIME, day DATE, name TEXT, ok BOOLEAN, price DECIMAL(8,2), size REAL, raw BLOB, doc JSON, uid UUID, free);
INSERT INTO t VALUES
  (1, '2026-02-02 14:00:00.125', '2026-02-02', 'one', 1, 9.99, 1, x'00ff', '{"a":[1]}', '00112233-4455-6677-8899-aabbccddeeff', 1),
  (2, '1969-12-31T23:59:59.999999Z', '1969-12-31', 'zw' || char(246) || 'lf', 0, -0.05, 0.1, x'', '"x"', x'000102030405060708090a0b0c0d0e0f', 2.5),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT tarn_export('SELECT * FROM t', 't.parquet');
SELECT tarn_export(' SELECT id FROM t ; -- the end' || char(10), './one.parquet', '{}');
SELECT tarn_export('SELECT id FROM t WHERE id > 9', 'empty.parquet', NULL);
SELECT tarn_export('VALUES (1, ''a'')', 'values.parquet', '{"codec": "SNAPPY", "sortedBy": "column1 desc", "bloom": ["column2"], "dictionary": false, "statistics": ["column1"], "metadata": {"by": "test"}, "rowGroupSize": 2, "rowGroupBytes": 1000, "pageRows": 1, "types": {"column1": "decimal(20, 3)"}}');
SELECT tarn_export('SELECT id FROM t', 'values.parquet', '{"overwrite": true, "codec": "gzip", "level": 9}');
SELECT tarn_export('SELECT * FROM t', 't2.parquet', '{"codec": "lz4_raw"}') + tarn_export('SELECT * FROM t', 't3.parquet', '{"codec": "uncompressed"}');
BEGIN;
INSERT INTO t(id) VALUES (4);
SELECT tarn_export('SELECT * FROM t', 'open.parquet');
ROLLBACK;
.print -- events
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type, verified, status_code) VALUES (1770044999000, 'a', 1, 200), ('2026-02-02', 'b', NULL, NULL);
SELECT tarn_export('SELECT * FROM events ORDER BY ts', 'events.parquet', '{"sortedBy": "ts"}');
SELECT name FROM fsdir('.') WHERE name GLOB '*.parquet' OR name GLOB '*tmp*' ORDER BY 1;
.print -- the query
SELECT tarn_export('', 'x.parquet');
SELECT tarn_export('-- nothing', 'x.parquet');
SELECT tarn_export('SELECT 1; SELECT 2', 'x.parquet');
SELECT tarn_export('SELECT 1; nonsense', 'x.parquet');
SELECT tarn_export('DELETE FROM t', 'x.parquet');
SELECT tarn_export('DELETE FROM t RETURNING id', 'x.parquet');
SELECT tarn_export('BEGIN', 'x.parquet');
SELECT tarn_export('SELECT * FROM nowhere', 'x.parquet');
SELECT tarn_export('SELECT ?1, :b', 'x.parquet');
SELECT tarn_export('SELECT json(''{'')', 'x.parquet');
SELECT tarn_export('SELECT id, 1 AS "ID" FROM t', 'x.parquet');
SELECT tarn_export('SELECT tarn_export(''SELECT 1'', ''y.parquet'') AS n', 'x.parquet');
SELECT tarn_export(NULL, 'x.parquet');
SELECT tarn_export(x'00', 'x.parquet');
CREATE VIEW v AS SELECT tarn_export('SELECT 1', 'x.parquet');
SELECT * FROM v;
.print -- the path
SELECT tarn_export('SELECT 1', 't.parquet');
SELECT tarn_export('SELECT 1', NULL);
SELECT tarn_export('SELECT 1', '');
SELECT tarn_export('SELECT 1', '.');
SELECT tarn_export('SELECT 1', 'no/such/folder/x.parquet');
SELECT tarn_export('SELECT 1', './');
SELECT tarn_export('SELECT 1', 's3://bucket/x.parquet');
SELECT tarn_export('SELECT 1', 't.parquet/x.parquet', '{"overwrite": true}');
.print -- types
SELECT tarn_export('SELECT 1 AS a UNION ALL SELECT ''x''', 'x.parquet');
SELECT tarn_export('SELECT 9007199254740993 AS a UNION ALL SELECT 0.5', 'x.parquet');
SELECT tarn_export('SELECT x''00'' AS a UNION ALL SELECT ''x''', 'x.parquet');
SELECT tarn_export('SELECT 1 AS a UNION ALL SELECT ''x''', 'mixed.parquet', '{"types": {"a": "TEXT"}}');
CREATE TABLE odd(i INTEGER, r REAL, s TEXT, b BLOB, o BOOLEAN, d DATE, t TIMESTAMP(3), j JSON, u UUID, m DECIMAL(4, 2));
INSERT INTO odd(i) VALUES ('x');
SELECT tarn_export('SELECT i FROM odd', 'x.parquet');
UPDATE odd SET i = 1, s = CAST(x'ff' AS TEXT), b = 'text', o = 2, d = '2026-02-02 01:00', t = '2026-02-02 01:00:00.0001', j = '{', u = 'abc', m = 123.456;
SELECT tarn_export('SELECT s FROM odd', 'x.parquet');
SELECT tarn_export('SELECT b FROM odd', 'x.parquet');
SELECT tarn_export('SELECT o FROM odd', 'x.parquet');
SELECT tarn_export('SELECT d FROM odd', 'x.parquet');
SELECT tarn_export('SELECT t FROM odd', 'x.parquet');
SELECT tarn_export('SELECT j FROM odd', 'x.parquet');
SELECT tarn_export('SELECT u FROM odd', 'x.parquet');
SELECT tarn_export('SELECT m FROM odd', 'x.parquet');
SELECT tarn_export('SELECT t FROM odd', 'us.parquet', '{"types": {"t": "TIMESTAMP_US"}}');
UPDATE odd SET t = 1770044999000;
SELECT tarn_export('SELECT t FROM odd', 'x.parquet');
SELECT tarn_export('SELECT t FROM odd', 'ms.parquet', '{"types": {"t": "timestamp_ms"}}');
.print -- options
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"codecs": "zstd"}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"codec": "brotli"}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"codec": "gzip", "level": 10}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"level": "high"}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"rowGroupSize": 0}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"rowGroupBytes": -1}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"pageRows": 1.5}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"overwrite": 1}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"metadata": {"a": 1}}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"metadata": "a"}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"types": {"b": "TEXT"}}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"types": {"a": "VARCHAR"}}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"types": {"a": "DECIMAL(39,0)"}}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"types": ["a"]}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"bloom": ["a", "b"]}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"bloom": "a"}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"dictionary": [1]}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"sortedBy": "b desc"}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"sortedBy": 1}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{"codec": "zstd", "codec": "zstd"}');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '[1]');
SELECT tarn_export('SELECT 1 AS a', 'x.parquet', '{');
SELECT tarn_export('SELECT id FROM t', 'x.parquet', '{"sortedBy": "id DESC"}');
SELECT tarn_export('SELECT name FROM t ORDER BY id', 'last.parquet', '{"sortedBy": "name"}');
SELECT tarn_export('SELECT name FROM t ORDER BY name IS NULL DESC, name', 'first.parquet', '{"sortedBy": "name asc"}');
SELECT tarn_export('VALUES (NULL), (1), (NULL)', 'x.parquet', '{"sortedBy": "column1"}');
SELECT tarn_export('VALUES (1), (NULL), (2)', 'x.parquet', '{"sortedBy": "column1"}');
.print -- nothing of these is left
SELECT name FROM fsdir('.') WHERE name GLOB '*x.parquet' OR name GLOB '*tmp*';
