-- 329 webhook deliveries of GitHub, one {"event": name, "payload": body} per line, stored under the
-- prefix `webhooks`, as a service that receives them would.
-- Run it with: examples/run.sh github_webhooks
.load build/tarn
.mode list
.headers off

.print == The bodies carry no common time: each gets one second of 2026-02-02 from 12:00 on, in order.
.print == Nobody checked a signature, so `verified` is NULL: unknown, neither true nor false.
CREATE TEMP TABLE input AS
  SELECT line, lineno, error FROM jsonl(:data || '/github_webhooks/webhooks.jsonl');

INSERT INTO events (prefix, ts, type, source, provider, event_type, verified, url, payload)
SELECT 'webhooks',
       strftime('%Y-%m-%d %H:%M:%S', '2026-02-02 12:00:00', '+' || lineno || ' seconds'),
       'webhook.github',
       'webhook',
       'github',
       line ->> '$.event',
       NULL,
       line ->> '$.payload.repository.html_url',
       line -> '$.payload'
FROM input
WHERE error IS NULL;

SELECT 'lines read: ' || (SELECT count(*) FROM input) ||
       ', events stored: ' || (SELECT count(*) FROM events WHERE prefix = 'webhooks') ||
       ', event names: ' || (SELECT count(DISTINCT event_type) FROM events WHERE prefix = 'webhooks');

SELECT 'tarn_flush() wrote what the background thread had not written yet: ' || tarn_flush();

.mode box --wrap 100
.headers on
.print
.print == The prefixes are apart: a plain query of `events` sees none of them
SELECT (SELECT count(*) FROM events) AS "in events",
       (SELECT count(*) FROM events WHERE prefix = 'webhooks') AS "in webhooks",
       (SELECT count(*) FROM events WHERE prefix = 'webhooks' AND verified IS NULL) AS "unverified";

.print
.print == Which kinds come most often?
SELECT event_type, count(*) AS deliveries,
       count(DISTINCT payload ->> '$.action') AS actions
FROM events
WHERE prefix = 'webhooks' AND provider = 'github'
GROUP BY event_type
ORDER BY deliveries DESC, event_type
LIMIT 8;

.print
.print == What is done to pull requests?
SELECT payload ->> '$.action' AS action, count(*) AS deliveries
FROM events
WHERE prefix = 'webhooks' AND event_type = 'pull_request'
GROUP BY action
ORDER BY deliveries DESC, action
LIMIT 6;

.print
.print == Which repositories do they come from?
SELECT coalesce(url, '(none)') AS repository, count(*) AS deliveries
FROM events
WHERE prefix = 'webhooks'
GROUP BY url
ORDER BY deliveries DESC, url
LIMIT 5;

.print
.print == The files lie under webhooks/
SELECT key, rows AS events, size FROM tarn_files WHERE key GLOB 'webhooks/*' ORDER BY key;
