-- GROUP BY and DISTINCT that the scan answers, against the same over values that it can't know.
.mode list
CREATE TABLE copy(ts TEXT, type TEXT, source TEXT, verified, method TEXT, status_code);
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59999)
INSERT INTO copy SELECT strftime('%Y-%m-%d %H:%M:%S', 1770000000 + i * 7, 'unixepoch') || '.000',
  'type-' || (i * 7 % 11), printf('source %s %05d with a long name, so that budgets are soon spent', char(65 + i % 26), i * 31 % 20011),
  CASE i % 3 WHEN 0 THEN NULL ELSE i % 2 END, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'M' || (i % 4) END,
  CASE i % 7 WHEN 0 THEN NULL ELSE 200 + i % 300 END FROM n;
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type, source, verified, method, status_code) SELECT * FROM copy WHERE rowid <= 20000;
SELECT tarn_flush() IS NOT NULL;
INSERT INTO events(ts, type, source, verified, method, status_code) SELECT * FROM copy WHERE rowid > 20000 AND rowid <= 50000;
SELECT tarn_flush() IS NOT NULL;
INSERT INTO events(ts, type, source, verified, method, status_code) SELECT * FROM copy WHERE rowid > 50000;
.print -- plans
EXPLAIN QUERY PLAN SELECT type, count(*) FROM events GROUP BY type;
EXPLAIN QUERY PLAN SELECT method, type, count(*) FROM events GROUP BY type, method ORDER BY type DESC, method DESC;
EXPLAIN QUERY PLAN SELECT DISTINCT type, ts_day FROM events WHERE ts > '2026-02-02';
EXPLAIN QUERY PLAN SELECT type, count(*) FROM events('events/**') GROUP BY type;
EXPLAIN QUERY PLAN SELECT type, count(*) FROM events WHERE prefix = 'tail' GROUP BY type;
EXPLAIN QUERY PLAN SELECT ts_day, count(*) FROM events WHERE ts_day BETWEEN '2026-02-03' AND '2026-02-04' GROUP BY 1;
EXPLAIN QUERY PLAN SELECT type, max(duration_ms) FROM events GROUP BY type;
EXPLAIN QUERY PLAN SELECT type, count(*) FROM events GROUP BY type COLLATE NOCASE;
.print -- counts
SELECT type, count(*) FROM events GROUP BY type;
SELECT type, count(*) FROM events WHERE ts >= '2026-02-03' GROUP BY type ORDER BY type DESC LIMIT 3;
SELECT verified, method, count(*) FROM events GROUP BY 1, 2;
SELECT verified, method, count(*) FROM events GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC LIMIT 4;
SELECT DISTINCT verified, method FROM events WHERE method <> 'M0' ORDER BY 1, 2;
SELECT ts_day, count(*), min(ts), max(ts), sum(ts_ms) FROM events GROUP BY ts_day;
SELECT ts_hour, ts_day, type, status_code FROM events WHERE ts = '2026-02-02 02:40:07' ORDER BY type;
SELECT ts_day, count(*) FROM events WHERE ts_day > '2026-02-03' AND ts_day <= '2026-02-04' GROUP BY 1;
SELECT ts_day, count(*) FROM events WHERE ts_day < '2026-02-03' OR ts_day IN ('2026-02-04', '2026-02-05') GROUP BY 1;
SELECT ts_hour, count(*) FROM events WHERE ts_hour = '2026-02-03 05:00' AND ts_day = '2026-02-03' GROUP BY ts_hour;
SELECT count(*) FROM events WHERE ts_hour = '2026-02-03 05:30' OR ts_hour > '2026-02-06 22:00' OR ts_day = 5 OR ts_day = NULL OR ts_day IS NULL;
SELECT count(*) FROM events WHERE ts_day >= '2026-02' AND ts_hour < '2026-02-02 05' AND ts_day < '2026-02-03T00:00+14:00';
SELECT count(*) FROM events WHERE ts_day <> '2026-02-03' AND ts_day IS NOT NULL;
INSERT INTO events(type, ts_hour) VALUES('x', '2026-02-02 05:00');
INSERT INTO events(type, ts_day) VALUES('x', '2026-02-02');
EXPLAIN QUERY PLAN SELECT type, verified FROM events ORDER BY type DESC, verified LIMIT 3;
SELECT type, verified, ts > '2026-02-03' FROM events WHERE ts < '2026-02-02 03' ORDER BY type DESC, verified DESC, 3 LIMIT 3;
SELECT type, verified FROM events ORDER BY type DESC, verified LIMIT 3;
SELECT min(method), max(method), max(type), min(ts_day) FROM events;
SELECT min(method) FROM events;
SELECT max(ts_day) FROM events;
.print -- as one would count oneself: nothing is left over
CREATE TABLE ours AS SELECT source, type, method, status_code, count(*) AS n, min(ts) AS lo, max(ts) AS hi FROM events GROUP BY 1, 2, 3, 4;
CREATE TABLE theirs AS SELECT source, type, method, status_code, count(*) AS n, min(ts) AS lo, max(ts) AS hi FROM copy GROUP BY 1, 2, 3, 4;
SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM theirs);
SELECT count(*) FROM (SELECT * FROM ours EXCEPT SELECT * FROM theirs);
.print -- the same in little memory: several passes
SELECT tarn_config('memoryBudget', 1048576);
SELECT count(*), sum(n) FROM (SELECT source, type, method, count(*) AS n FROM events GROUP BY 1, 2, 3);
CREATE TABLE few AS SELECT source, count(*) AS n, max(ts) AS hi FROM events GROUP BY 1;
SELECT count(*) FROM (SELECT * FROM few EXCEPT SELECT source, count(*), max(ts) FROM copy GROUP BY 1);
SELECT source, count(*) FROM events GROUP BY source ORDER BY source DESC LIMIT 2;
SELECT count(*), count(DISTINCT source) FROM (SELECT DISTINCT source FROM events);
SELECT count(DISTINCT source) FROM copy;
SELECT count(*) FROM (SELECT verified, source, count(*) FROM events GROUP BY 1, 2 EXCEPT SELECT verified, source, count(*) FROM copy GROUP BY 1, 2);
