-- What can't be opened is named as the user wrote it, with what is wrong and what helps.
.shell mkdir -p data/sub data/many; printf 'hello, this is text' > data/sub/text.parquet; : > data/sub/empty.parquet; printf tiny > data/sub/tiny.parquet
SELECT tarn_export('SELECT 1 AS x, ''one'' AS y', 'data/sub/one.parquet');
.shell head -c 100 data/sub/one.parquet > data/sub/cut.parquet; cp data/sub/one.parquet data/many/a.parquet; cp data/sub/text.parquet data/many/b.parquet
.print -- a table
CREATE VIRTUAL TABLE x USING parquet('data/sub/none.parquet');
CREATE VIRTUAL TABLE x USING parquet('data/none/one.parquet');
CREATE VIRTUAL TABLE x USING parquet('data/sub');
CREATE VIRTUAL TABLE x USING parquet('./data/sub/');
CREATE VIRTUAL TABLE x USING parquet('data/sub/*.csv');
CREATE VIRTUAL TABLE x USING parquet('data/sub/empty.parquet');
CREATE VIRTUAL TABLE x USING parquet('data/sub/tiny.parquet');
CREATE VIRTUAL TABLE x USING parquet('./data/sub/text.parquet');
CREATE VIRTUAL TABLE x USING parquet('data/sub/cut.parquet');
CREATE VIRTUAL TABLE x USING parquet('data/many/*.parquet');
CREATE VIRTUAL TABLE x USING parquet('data/**');
CREATE VIRTUAL TABLE x USING parquet('data/sub/one.parquet', '{"column": "x"}');
.print -- what the footers say
SELECT * FROM parquet_schema('data/sub/text.parquet');
SELECT * FROM parquet_metadata('data/sub/cut.parquet');
SELECT * FROM parquet_file_metadata('data/sub/empty.parquet');
SELECT * FROM parquet_kv_metadata('data/many/*.parquet');
SELECT * FROM parquet_schema('data/sub');
SELECT count(*) FROM jsonl('data/sub/none.jsonl');
.print -- a file that is damaged, or goes away, once the table is there
CREATE VIRTUAL TABLE many USING parquet('data/many/*', '{"schemaFrom": "first"}');
SELECT * FROM many;
.shell rm data/many/b.parquet; (head -c 30 data/sub/one.parquet; printf XXXX; tail -c +35 data/sub/one.parquet) > data/many/b.parquet; true
SELECT * FROM many;
.print -- a lake
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type) VALUES ('2026-02-02 14:00:00', 'a');
SELECT tarn_flush();
.shell mkdir -p test.db-lake/events/2026/02/02/15; cp data/sub/text.parquet test.db-lake/events/2026/02/02/15/text.parquet
SELECT count(*) FROM events WHERE type <> '';
