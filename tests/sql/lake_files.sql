-- tarn_files, tarn_row_groups, tarn_explain: what is in the lake, and what a query reads of it.
.mode list
SELECT count(*) FROM tarn_files;
SELECT count(*) FROM tarn_row_groups;
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type, status_code, duration_ms)
  WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 99)
  SELECT 1770033600000 + i * 100000, 'type' || (i % 3), 200 + i % 2, i / 2.0 FROM c;
INSERT INTO events(ts, type, prefix) VALUES('2026-02-02', 'push', 'webhooks');
SELECT tarn_flush();
.headers on
SELECT substr("key", 1, 21) AS folder, prefix, namespace, level, format, state, masked_by, size > 0 AS sized, lo, hi, rows, min_ts, max_ts, types, substr(created_by, 1, 12) AS created_by, error FROM tarn_files;
.headers off
SELECT substr("key", 1, 21) FROM tarn_files('webhooks');
SELECT count(*) FROM tarn_files WHERE of_glob = 'events/2026/02/02/13/*';
SELECT count(*) FROM tarn_files(NULL, 'nobody');
SELECT count(*) FROM tarn_files('_tarn');
.print -- inside a file
SELECT row_group, "column", rows, physical, logical, codec, encodings, n_values, nulls, min, max FROM tarn_row_groups('events/2026/02/02/12/*');
.print -- what queries read
SELECT what, count FROM tarn_explain('SELECT count(*) FROM events') WHERE what IN ('plan', 'files', 'files outside the time range', 'files opened', 'row groups', 'rows found', 'rows pending', 'rows');
SELECT what, count FROM tarn_explain('SELECT type FROM events WHERE ts >= ''2026-02-02 13:00'' AND ts < ''2026-02-02 14:00''') WHERE what IN ('files', 'files opened', 'rows found', 'rows pending', 'rows');
SELECT what, count FROM tarn_explain('SELECT type FROM events WHERE status_code = 500') WHERE what IN ('files', 'files opened', 'rows found', 'rows');
SELECT detail FROM tarn_explain('SELECT type FROM events WHERE ts > ''2026-02-02''') WHERE what = 'plan';
SELECT max(scan) FROM tarn_explain('SELECT count(*) FROM events UNION ALL SELECT count(*) FROM events WHERE prefix = ''webhooks''');
.print -- only SELECTs
SELECT * FROM tarn_explain('DELETE FROM events');
SELECT * FROM tarn_explain('SELECT 1; SELECT 2');
SELECT * FROM tarn_explain('SELEC 1');
SELECT * FROM tarn_explain('');
SELECT * FROM tarn_explain(NULL);
SELECT * FROM tarn_explain('SELECT * FROM jsonl(''none'')');
