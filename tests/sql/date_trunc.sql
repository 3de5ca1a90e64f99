-- date_trunc(unit, ts), as DuckDB's.
.mode list
WITH units(u) AS (VALUES('microseconds'), ('milliseconds'), ('second'), ('minute'), ('hour'), ('day'),
  ('week'), ('month'), ('quarter'), ('year'), ('decade'), ('century'), ('millennium'))
SELECT u, date_trunc(u, '2026-11-22T14:35:07.123Z'), date_trunc(u, -1) FROM units;
.print -- weeks begin on Monday
SELECT date_trunc('week', '2026-11-22'), date_trunc('week', '2026-11-23'), date_trunc('week', '1970-01-01');
SELECT date_trunc('quarter', '2026-01-31'), date_trunc('quarter', '2026-06-30'), date_trunc('quarter', '2026-12-31');
.print -- forms
SELECT date_trunc('DAY', '2026-02-02 14:30'), date_trunc('hours', 1770042600000), date_trunc('day', '2026-02-02T01:00:00+02:00');
SELECT date_trunc('year', '0000-05-05'), date_trunc('millennium', '0999-12-31'), date_trunc('week', '0000-01-01');
.print -- NULL and errors
SELECT date_trunc('day', NULL) IS NULL, date_trunc(NULL, '2026-02-02') IS NULL;
SELECT date_trunc('fortnight', '2026-02-02');
SELECT date_trunc('day', 'soon');
SELECT date_trunc('day', 1e18);
SELECT date_trunc('day', 999999999999999);
SELECT date_trunc(x'00', '2026-02-02');
.print -- grouping
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type) VALUES('2026-02-02 01:00', 'a'), ('2026-02-02 23:00', 'a'), ('2026-02-03', 'a');
SELECT date_trunc('day', ts) AS day, type, count(*) FROM events GROUP BY day, type ORDER BY day DESC;
