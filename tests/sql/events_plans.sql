-- Which conditions go down to the scan: ext/sql/README.md explains the text behind INDEX.
.mode list
EXPLAIN QUERY PLAN SELECT * FROM events;
EXPLAIN QUERY PLAN SELECT ts, type FROM events WHERE ts >= '2026-02-02' AND ts < '2026-02-03';
EXPLAIN QUERY PLAN SELECT type FROM events WHERE ts BETWEEN '2026-02-02' AND '2026-02-03' ORDER BY ts;
EXPLAIN QUERY PLAN SELECT type FROM events ORDER BY ts DESC LIMIT 10 OFFSET 5;
EXPLAIN QUERY PLAN SELECT type FROM events WHERE type = 'x' ORDER BY ts DESC LIMIT 10;
EXPLAIN QUERY PLAN SELECT type FROM events ORDER BY ts_ms;
EXPLAIN QUERY PLAN SELECT type FROM events ORDER BY ts, type;
EXPLAIN QUERY PLAN SELECT type FROM events WHERE type IN ('a', 'b') AND status_code >= 400;
EXPLAIN QUERY PLAN SELECT type FROM events WHERE type COLLATE NOCASE = 'a';
EXPLAIN QUERY PLAN SELECT type FROM events WHERE ts = '2026-02-02' COLLATE BINARY;
EXPLAIN QUERY PLAN SELECT type FROM events WHERE ts COLLATE BINARY = '2026-02-02';
EXPLAIN QUERY PLAN SELECT type FROM events WHERE url GLOB '/api/*' AND source LIKE '/x%';
EXPLAIN QUERY PLAN SELECT type FROM events WHERE source IS NULL AND url IS NOT NULL;
EXPLAIN QUERY PLAN SELECT durationMs FROM events WHERE durationMs > 5;
EXPLAIN QUERY PLAN SELECT class, id FROM events WHERE class = 'Room';
EXPLAIN QUERY PLAN SELECT type FROM events('events/2026/02/02/14/*');
EXPLAIN QUERY PLAN SELECT type FROM events WHERE prefix = 'webhooks' AND filename = 'x';
EXPLAIN QUERY PLAN SELECT type FROM events WHERE ts > '2026-02-02' OR type = 'x';
.print -- the argument of a join comes first
CREATE TABLE hours(pattern);
EXPLAIN QUERY PLAN SELECT count(*) FROM hours, events(hours.pattern);
EXPLAIN QUERY PLAN SELECT count(*) FROM events(hours.pattern), hours;
