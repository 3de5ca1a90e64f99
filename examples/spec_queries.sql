-- The questions that a lake of events is kept for, on 20,000 invented events of two days.
-- Run it with: examples/run.sh spec_queries      (or: sqlite3 x.db < examples/spec_queries.sql)
.load build/tarn
.mode box --wrap 100
.headers on

-- Every number is computed from n, so everybody gets the same events. `mix` is n shuffled.
INSERT INTO events (ts, type, source, provider, event_type, verified, script_name, outcome,
                    method, url, status_code, duration_ms, payload)
WITH RECURSIVE
  numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 19999),
  mixed AS (SELECT n, (n * 7919 + 104729) % 20011 AS mix FROM numbers),
  drawn AS (
    SELECT n, mix,
           CASE WHEN mix % 20 < 9 THEN 'rpc.call' WHEN mix % 20 < 13 THEN 'http.request'
                WHEN mix % 20 < 16 THEN 'collection.update' WHEN mix % 20 < 18 THEN 'tail.fetch'
                WHEN mix % 20 = 18 THEN 'webhook.github' ELSE 'ws.message' END AS type,
           CASE WHEN mix % 97 = 0 THEN 503 WHEN mix % 41 = 0 THEN 404 ELSE 200 END AS status,
           (mix % 1009 + 50) * (mix % 17 + 1) / 100.0 AS ms
    FROM mixed)
SELECT strftime('%Y-%m-%d %H:%M:%f', '2026-02-01 00:00:00', (n * 8.64) || ' seconds'),
       type,
       CASE WHEN type <> 'collection.update' THEN 'worker-' || (mix % 3) END,
       CASE type WHEN 'webhook.github' THEN 'github' END,
       CASE type WHEN 'webhook.github' THEN iif(mix % 3, 'push', 'pull_request') END,
       CASE type WHEN 'webhook.github' THEN mix % 50 <> 0 END,
       CASE type WHEN 'tail.fetch' THEN 'edge-' || (mix % 2) END,
       CASE type WHEN 'tail.fetch' THEN iif(mix % 30, 'ok', 'exception') END,
       CASE type WHEN 'rpc.call' THEN 'method' || (mix % 8) WHEN 'http.request' THEN 'GET' END,
       CASE WHEN type IN ('rpc.call', 'http.request') THEN 'https://api.example.com/' || (mix % 13) END,
       CASE WHEN type IN ('rpc.call', 'http.request') THEN status END,
       CASE WHEN type IN ('rpc.call', 'http.request', 'tail.fetch') THEN ms END,
       CASE type
         WHEN 'rpc.call' THEN json_object(
           'id', printf('evt_%06d', n),
           'do', json_object('class', iif(mix / 8 % 4, 'ChatRoom', 'User'), 'id', printf('%05x', mix),
                             'colo', iif(mix % 3, 'AMS', 'IAD')),
           'durationMs', ms, 'success', json(iif(status < 400, 'true', 'false')))
         ELSE json_object('id', printf('evt_%06d', n)) END
FROM drawn;

SELECT tarn_flush() AS flushed;

.print
.print == Events of one hour, by type. The argument is a key pattern: only that folder is listed.
SELECT type, COUNT(*) AS count
FROM events('events/2026/02/02/14/*')
GROUP BY type
ORDER BY count DESC, type;

.print
.print == RPC calls with latency, newest first. `"do".class` is $.do.class of the payload.
SELECT ts, "do".class AS do_class, method, durationMs, success
FROM events AS "do"
WHERE type = 'rpc.call'
ORDER BY ts DESC
LIMIT 10;

.print
.print == Failed requests by endpoint
SELECT url, status_code, COUNT(*) AS error_count
FROM events
WHERE status_code >= 400
GROUP BY url, status_code
ORDER BY error_count DESC, url, status_code
LIMIT 20;

.print
.print == Events by day and type
SELECT DATE_TRUNC('day', ts) AS day, type, COUNT(*) AS event_count
FROM events
GROUP BY day, type
ORDER BY day DESC, event_count DESC, type;

.print
.print == RPC latency percentiles by method
SELECT "do".class,
       method,
       COUNT(*) AS call_count,
       round(AVG(durationMs), 3) AS avg_ms,
       PERCENTILE_CONT(durationMs, 0.5) AS p50_ms,
       PERCENTILE_CONT(durationMs, 0.95) AS p95_ms,
       PERCENTILE_CONT(durationMs, 0.99) AS p99_ms,
       MAX(durationMs) AS max_ms
FROM events AS "do"
WHERE type = 'rpc.call'
GROUP BY "do".class, method
ORDER BY call_count DESC, "do".class, method;

.print
.print == The files
SELECT count(*) AS files, sum(rows) AS events, sum(size) AS bytes FROM tarn_files;
