-- CREATE VIRTUAL TABLE … USING parquet: any Parquet file as a table.
.mode list
CREATE TABLE src(id INTEGER, at TIMESTAMP(3), day DATE, name TEXT, ok BOOLEAN, price DECIMAL(8,2), size REAL, raw BLOB, doc JSON, uid UUID);
INSERT INTO src VALUES
  (1, '2026-02-02 14:00:00.125', '2026-02-02', 'one', 1, 9.99, 1, x'00ff', '{"a":[1]}', '00112233-4455-6677-8899-aabbccddeeff'),
  (2, '1969-12-31 23:59:59.999', '1969-12-31', 'zw' || char(246) || 'lf', 0, -0.05, 0.1, x'', '"x"', '00010203-0405-0607-0809-0a0b0c0d0e0f'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT tarn_export('SELECT * FROM src', 'one.parquet');
CREATE VIRTUAL TABLE t USING parquet('one.parquet');
.headers on
SELECT cid, name, type, hidden FROM pragma_table_xinfo('t');
SELECT * FROM t;
.headers off
SELECT filename, file_row_number, rowid, typeof(price), typeof(raw), typeof(ok) FROM t;
SELECT count(*), min(price), max(price), max(at) FROM t;
.print -- conditions
SELECT id FROM t WHERE price > -1 AND price < 9.990;
SELECT id FROM t WHERE price = '9.99000' OR price = -0.05 ORDER BY price DESC;
SELECT id FROM t WHERE at > '2026' AND day <= '2026-02-02' AND name LIKE 'ONE';
SELECT id FROM t WHERE uid IN ('00112233-4455-6677-8899-aabbccddeeff', 'x') AND raw = x'00ff';
SELECT id FROM t WHERE name IS NULL AND id NOT NULL;
SELECT id FROM t WHERE rowid = 1;
SELECT a.id, b.id FROM t AS a JOIN t AS b ON a.rowid = b.rowid WHERE a.ok;
EXPLAIN QUERY PLAN SELECT id FROM t WHERE price > 1 AND name GLOB 'o*' AND id IN (1, 2);
EXPLAIN QUERY PLAN SELECT id FROM t WHERE name = 'one' COLLATE NOCASE;
SELECT tarn_config('pushdown', 'off');
SELECT id FROM t WHERE price > -1 AND price < 9.990 AND uid < '1';
SELECT tarn_config('pushdown', 'on');
.print -- a pattern: columns by name, wider types, what is missing is NULL
.shell mkdir -p p/k=a p/k=b%20c p/k=__HIVE_DEFAULT_PARTITION__
SELECT tarn_export('SELECT 4 AS id, 2.5 AS size, 1 AS "more", ''x'' AS "NAME"', 'p/k=a/m.parquet');
SELECT tarn_export('SELECT ''five'' AS id, 1 AS size, 9 AS filename', 'p/k=b%20c/n.parquet');
SELECT tarn_export('SELECT 6 AS id, 0.5 AS size, ''y'' AS name', 'p/k=__HIVE_DEFAULT_PARTITION__/o.parquet');
CREATE VIRTUAL TABLE p USING parquet('p/**', '{"hivePartitioning": true}');
SELECT cid, name, type, hidden FROM pragma_table_xinfo('p');
.headers on
SELECT *, filename_1 FROM p;
.headers off
SELECT id, typeof(id), size, typeof(size) FROM p WHERE k = 'b c';
SELECT id FROM p WHERE k IS NULL;
SELECT id FROM p WHERE filename_1 GLOB '*m.parquet';
SELECT id FROM p WHERE filename_1 = 'p/k=a/m.parquet' AND id > 3;
CREATE VIRTUAL TABLE first USING parquet('p/**', '{"schemaFrom": "first"}');
SELECT name FROM pragma_table_info('first');
.print -- files that come later are read, their new columns are not
SELECT tarn_export('SELECT 7 AS id, 8 AS newer', 'p/z.parquet');
SELECT id FROM p WHERE filename_1 = 'p/z.parquet';
SELECT count(*) FROM p;
.print -- the table is there again in another connection
.open test.db
.load ../../../tarn
SELECT id, name FROM t;
.print -- bytes that are text
SELECT tarn_export('SELECT CAST(''abc'' AS BLOB) AS b UNION ALL SELECT x''ff''', 'bytes.parquet');
CREATE VIRTUAL TABLE temp.bytes USING parquet('bytes.parquet');
CREATE VIRTUAL TABLE temp.words USING parquet('bytes.parquet', '{"binaryAsText": true}');
SELECT typeof(b), quote(b) FROM bytes;
SELECT typeof(b), quote(b) FROM words WHERE b >= 'abc';
.print -- the lake's own files
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type, payload) VALUES ('2026-02-02 14:00:00', 'a', '{"n":1}'), ('2026-02-02 15:00:00', 'b', NULL);
SELECT tarn_flush() IS NOT NULL;
CREATE VIRTUAL TABLE temp.lake USING parquet('test.db-lake/events/**/*.parquet');
SELECT ts, type, payload FROM lake ORDER BY ts;
.print -- refused
INSERT INTO t(id) VALUES (1);
DELETE FROM t;
CREATE VIEW v AS SELECT * FROM t;
SELECT * FROM v;
CREATE VIRTUAL TABLE x USING parquet('none.parquet');
CREATE VIRTUAL TABLE x USING parquet('no/such/*.parquet');
CREATE VIRTUAL TABLE x USING parquet('p/none*.parquet');
CREATE VIRTUAL TABLE x USING parquet('p');
CREATE VIRTUAL TABLE x USING parquet('p/');
CREATE VIRTUAL TABLE x USING parquet('');
CREATE VIRTUAL TABLE x USING parquet;
CREATE VIRTUAL TABLE x USING parquet('one.parquet', '{}', 3);
CREATE VIRTUAL TABLE x USING parquet('one.parquet', '{"schema": 1}');
CREATE VIRTUAL TABLE x USING parquet('one.parquet', '{"schemaFrom": "last"}');
CREATE VIRTUAL TABLE x USING parquet('one.parquet', '{"binaryAsText": 1}');
CREATE VIRTUAL TABLE x USING parquet('one.parquet', '[1]');
CREATE VIRTUAL TABLE x USING parquet('one.parquet', '{');
.shell printf 'hello, this is text' > text.parquet; head -c 200 one.parquet > cut.parquet
CREATE VIRTUAL TABLE x USING parquet('text.parquet');
CREATE VIRTUAL TABLE x USING parquet('cut.parquet');
SELECT * FROM parquet;
.shell rm one.parquet
SELECT * FROM t;
.print -- the file is gone, and so is the table at the next connection
.open test.db
.load ../../../tarn
SELECT * FROM t;
