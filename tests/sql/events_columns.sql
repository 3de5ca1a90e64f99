-- The hidden columns, and the specification's names over the payload.
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type, duration_ms, payload) VALUES
  ('2026-02-02 14:30:00', 'rpc.call', 12.5,
   '{"id":"evt-1","do":{"class":"ChatRoom","id":"d1","colo":"AMS"},"success":true,"method":"send"}'),
  ('2026-02-02 15:30:00', 'rpc.call', 20, '{"id":7,"do":{"class":"User","tags":[1, 2]},"success":false}'),
  ('2026-02-02 16:30:00', 'other', NULL, '{"class":"Top","colo":"LHR","id":{"a": [1, "}"]}}'),
  ('2026-02-02 17:30:00', 'no payload', NULL, NULL),
  ('2026-02-02 18:30:00', 'no object', NULL, '[1]');
.mode list
.headers on
SELECT id, class, do_id, colo, durationMs, success, ts_ms, prefix, filename IS NULL AS pending FROM events ORDER BY ts;
.headers off
SELECT tarn_flush();
SELECT id, typeof(id), class, filename GLOB 'events/2026/02/02/1?/*.parquet' FROM events ORDER BY ts;
SELECT "do".class, count(*), avg(durationMs) FROM events AS "do" WHERE type = 'rpc.call' GROUP BY "do".class;
SELECT ts FROM events WHERE id = 'evt-1';
.print -- SELECT * has the 13 columns
.headers on
SELECT * FROM events WHERE type = 'no payload';
.headers off
.print -- the argument is a pattern over keys
SELECT count(*) FROM events('events/2026/02/02/14/*');
SELECT count(*) FROM events('events/2026/02/**');
SELECT count(*) FROM events('events/2026/02/*');
SELECT count(*) FROM events('events/2026/02/02/1[45]/*.parquet') WHERE type = 'rpc.call';
SELECT glob, type FROM events('events/2026/02/02/18/*');
.print -- other prefixes are asked for by name
INSERT INTO events(ts, type, prefix) VALUES('2026-02-02', 'push', 'webhooks');
SELECT count(*) FROM events WHERE type = 'push';
SELECT type, prefix FROM events WHERE prefix = 'webhooks';
SELECT prefix, count(*) FROM events WHERE prefix IN ('events', 'webhooks', 'tail') GROUP BY prefix;
SELECT type FROM events WHERE prefix = '_tarn';
.print -- rows of files and rows that wait, in one order
INSERT INTO events(ts, type) VALUES('2026-02-02 15:00:00', 'between');
SELECT type, filename IS NULL FROM events ORDER BY ts DESC;
