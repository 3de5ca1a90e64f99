-- 31 CloudEvents 1.0, the examples of that specification, JSON lines.
-- Run it with: examples/run.sh cloudevents
.load build/tarn
.mode list
.headers off

.print == `time` is optional in CloudEvents. What has none is stored as of 2026-02-02 00:00:00.
CREATE TEMP TABLE input AS
  SELECT line, lineno, error FROM jsonl(:data || '/cloudevents/cloudevents_spec_examples.jsonl');

INSERT INTO events (ts, type, source, payload)
SELECT coalesce(line ->> '$.time', '2026-02-02 00:00:00'), line ->> '$.type', line ->> '$.source', line
FROM input
WHERE error IS NULL;

SELECT 'lines read: ' || count(*) ||
       ', of them without a time: ' || count(*) FILTER (WHERE line ->> '$.time' IS NULL) ||
       ', events stored: ' || (SELECT count(*) FROM events)
FROM input;

SELECT 'tarn_flush() wrote what the background thread had not written yet: ' || tarn_flush();

.mode box --wrap 100
.headers on
.print
.print == What kinds of events are there, and from where?
SELECT type, count(*) AS events, count(DISTINCT source) AS sources
FROM events
GROUP BY type
ORDER BY events DESC, type
LIMIT 8;

.print
.print == One business transaction, as a tree of causes
WITH RECURSIVE tree(id, type, depth, path) AS (
  SELECT payload ->> '$.id', type, 0, payload ->> '$.id'
  FROM events
  WHERE payload ->> '$.correlationid' = 'txn-abc-123' AND payload ->> '$.causationid' IS NULL
  UNION ALL
  SELECT payload ->> '$.id', e.type, depth + 1, path || ' ' || (payload ->> '$.id')
  FROM tree JOIN events AS e ON payload ->> '$.causationid' = tree.id
  WHERE payload ->> '$.correlationid' = 'txn-abc-123' AND depth < 10
)
SELECT printf('%*s', 3 * depth, '') || type AS event, id FROM tree ORDER BY path;

.print
.print == Offsets are understood: these two happened at the same moment
SELECT ts, payload ->> '$.time' AS "as written"
FROM events
WHERE type = 'example.type' AND payload ->> '$.time' IS NOT NULL;

.print
.print == How do they carry their data?
SELECT CASE WHEN payload -> '$.data_base64' IS NOT NULL THEN 'base64'
            WHEN payload -> '$.data' IS NULL THEN 'none'
            ELSE json_type(payload, '$.data') END AS data,
       count(*) AS events
FROM events
GROUP BY data
ORDER BY events DESC, data;

.print
.print == The files: one per hour that has events
SELECT key, rows AS events, size FROM tarn_files ORDER BY key;
