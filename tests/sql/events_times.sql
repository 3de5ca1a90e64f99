-- ts in every form people write it, pushed down or not.
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type) VALUES
  ('2026-02-02 13:59:59.999', 'before'), ('2026-02-02 14:00:00', 'on'),
  ('2026-02-02 14:00:00.001', 'after'), ('2026-02-03', 'next day');
SELECT tarn_flush();
.print -- equal times in other words
SELECT type FROM events WHERE ts = '2026-02-02 14:00';
SELECT type FROM events WHERE ts = '2026-02-02T14:00:00Z';
SELECT type FROM events WHERE ts = '2026-02-02T14:00:00.000+00:00';
SELECT type FROM events WHERE ts = '2026-02-02T16:00:00+0200';
SELECT type FROM events WHERE ts = 1770040800000;
SELECT type FROM events WHERE ts = 1770040800000.0;
SELECT type FROM events WHERE ts_ms = 1770040800000;
SELECT type FROM events WHERE '2026-02-02T14:00:00Z' = +ts COLLATE tarn_ts;
.print -- ranges
SELECT type FROM events WHERE ts > '2026-02-02T14:00:00Z' ORDER BY ts;
SELECT type FROM events WHERE ts >= datetime('2026-02-02 14:00:00') AND ts < date('2026-02-03') ORDER BY ts;
SELECT type FROM events WHERE ts < 1770040800000;
SELECT type FROM events WHERE ts <= 1770040800000.5 ORDER BY ts DESC;
SELECT type FROM events WHERE ts BETWEEN '2026-02-02T14:00:00Z' AND '2026-02-02T14:00:00.001Z' ORDER BY ts;
SELECT type FROM events WHERE ts IN ('2026-02-02T14:00:00Z', '2026-02-03T00:00:00Z', 'x', NULL) ORDER BY ts;
.print -- not pushed down, the collation does it
SELECT type FROM events WHERE +ts > '2026-02-02T14:00:00Z' COLLATE tarn_ts ORDER BY +ts;
SELECT max(ts), min(ts) FROM events;
SELECT count(DISTINCT ts) FROM events;
.print -- what is no time sorts behind all times
SELECT count(*) FROM events WHERE ts < 'zebra';
SELECT count(*) FROM events WHERE ts > 'zebra';
SELECT count(*) FROM events WHERE ts = 'zebra';
SELECT count(*) FROM events WHERE ts > NULL;
SELECT count(*) FROM events WHERE ts IS NULL;
.print -- order and limits
SELECT type FROM events ORDER BY ts DESC LIMIT 1;
SELECT type FROM events ORDER BY ts LIMIT 2 OFFSET 1;
SELECT type FROM events ORDER BY ts DESC LIMIT -1 OFFSET 3;
SELECT tarn_config('pushdown', 'off');
SELECT type FROM events WHERE ts > '2026-02-02T14:00:00Z' ORDER BY ts DESC LIMIT 1;
SELECT type FROM events WHERE ts < 1770040800000;
