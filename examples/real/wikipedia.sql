-- 39,244 edits of all the Wikipedias, from a gzip file of JSON lines.
-- Run it with: examples/run.sh wikipedia
.load build/tarn
.mode list
.headers off

.print == Every line becomes an event. The line itself is the payload; nothing of it is lost.
CREATE TEMP TABLE input AS
  SELECT line, lineno, error
  FROM jsonl(:data || '/wikiticker/wikiticker-2015-09-12-sampled.json.gz');

INSERT INTO events (ts, type, source, url, payload)
SELECT line ->> '$.time',
       CASE WHEN line ->> '$.isNew' THEN 'wiki.create' ELSE 'wiki.edit' END,
       line ->> '$.channel',
       'https://' || substr(line ->> '$.channel', 2) || '.org/wiki/' ||
         replace(line ->> '$.page', ' ', '_'),
       line
FROM input
WHERE error IS NULL;

SELECT 'lines read: ' || (SELECT count(*) FROM input) ||
       ', events stored: ' || (SELECT count(*) FROM events);

SELECT 'tarn_flush() wrote what the background thread had not written yet: ' || tarn_flush();

.mode box --wrap 100
.headers on
.print
.print == Which Wikipedias are edited most, and how much of it is the work of bots?
SELECT source AS wiki,
       count(*) AS edits,
       round(100.0 * sum(payload ->> '$.isRobot') / count(*), 1) AS "bots %",
       sum(type = 'wiki.create') AS "new pages"
FROM events
GROUP BY source
ORDER BY edits DESC
LIMIT 8;

.print
.print == What did anonymous editors remove most, and from where?
SELECT payload ->> '$.countryName' AS country,
       count(*) AS edits,
       sum(payload ->> '$.deleted') AS "characters removed"
FROM events
WHERE payload ->> '$.isAnonymous' = 1 AND payload ->> '$.countryName' IS NOT NULL
GROUP BY country
ORDER BY 3 DESC, country
LIMIT 5;

.print
.print == Articles that the most different people worked on
SELECT url, count(*) AS edits, count(DISTINCT payload ->> '$.user') AS people
FROM events
WHERE payload ->> '$.namespace' = 'Main'
GROUP BY url
ORDER BY people DESC, edits DESC, url
LIMIT 5;

.print
.print == One hour: only its own folder is read
SELECT type, count(*) AS events
FROM events
WHERE ts >= '2015-09-12 17:00:00' AND ts < '2015-09-12 18:00:00'
GROUP BY type
ORDER BY type;

.print
.print == The files: one per hour that has events
SELECT count(*) AS files, sum(rows) AS events, sum(size) AS bytes FROM tarn_files;
