-- 800 public events of GitHub, JSON lines.
-- Run it with: examples/run.sh github_events
.load build/tarn
.mode list
.headers off

.print == Every line becomes an event. Blank lines are passed over; what is not JSON would be counted.
CREATE TEMP TABLE input AS
  SELECT line, lineno, error FROM jsonl(:data || '/github_events/pinot_2021-07-21-few-hours.jsonl');

INSERT INTO events (ts, type, source, event_type, url, payload)
SELECT line ->> '$.created_at',
       'github.' || lower(replace(line ->> '$.type', 'Event', '')),
       'github',
       line ->> '$.type',
       line ->> '$.repo.url',
       line
FROM input
WHERE error IS NULL;

SELECT 'lines read: ' || count(*) || ', blank lines passed over: ' || (max(lineno) - count(*)) ||
       ', not JSON: ' || sum(error IS NOT NULL) ||
       ', events stored: ' || (SELECT count(*) FROM events)
FROM input;

SELECT 'tarn_flush() wrote what the background thread had not written yet: ' || tarn_flush();

.mode box --wrap 100
.headers on
.print
.print == What happened?
SELECT event_type, count(*) AS events FROM events GROUP BY event_type ORDER BY events DESC, event_type;

.print
.print == How much of it did bots do?
SELECT event_type,
       count(*) AS events,
       sum(payload ->> '$.actor.login' LIKE '%[bot]') AS "by bots"
FROM events
GROUP BY event_type
HAVING "by bots" > 0
ORDER BY "by bots" DESC, event_type;

.print
.print == The largest pushes
SELECT ts, payload ->> '$.repo.name' AS repository, payload ->> '$.payload.size' AS commits
FROM events
WHERE type = 'github.push'
ORDER BY commits DESC, ts, repository
LIMIT 5;

.print
.print == Pull requests: what became of them
SELECT payload ->> '$.payload.action' AS action,
       sum(payload ->> '$.payload.pull_request.merged') AS merged,
       count(*) AS events
FROM events
WHERE type = 'github.pullrequest'
GROUP BY action
ORDER BY events DESC;

.print
.print == The files
SELECT key, rows AS events, size FROM tarn_files ORDER BY key;
