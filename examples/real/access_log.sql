-- 10,000 lines of a web server's access log in the "combined" format, taken apart in SQL. One line is
-- cut off in the middle: it is shown, and the rest is stored.
-- Run it with: examples/run.sh access_log
.load build/tarn
.mode list
.headers off

-- jsonl() reads any text file: `line` is the text, whether it is JSON or not. The rest of the line is
-- handed on from step to step:
--   ip - user [stamp] "request" status bytes "referrer" "agent"
CREATE TEMP TABLE input AS
WITH
  one AS (SELECT lineno, line, substr(line, 1, instr(line, ' ') - 1) AS ip,
                 substr(line, instr(line, '[') + 1, 26) AS stamp,
                 substr(line, instr(line, '] "') + 3) AS rest
          FROM jsonl(:data || '/apache/apache_logs.log')),
  two AS (SELECT *, substr(rest, 1, instr(rest, '" ') - 1) AS request,
                 substr(rest, instr(rest, '" ') + 2) AS rest2
          FROM one),
  three AS (SELECT *, substr(rest2, 1, 3) AS status, substr(rest2, 5) AS rest3 FROM two),
  four AS (SELECT *, substr(rest3, 1, instr(rest3, ' ') - 1) AS bytes,
                  substr(rest3, instr(rest3, ' "') + 2) AS rest4
           FROM three),
  five AS (SELECT *, substr(rest4, 1, instr(rest4, '" "') - 1) AS referrer,
                  substr(rest4, instr(rest4, '" "') + 3) AS agent
           FROM four)
SELECT lineno, line, ip,
       substr(stamp, 8, 4) || '-' ||
         printf('%02d', (instr('JanFebMarAprMayJunJulAugSepOctNovDec', substr(stamp, 4, 3)) + 2) / 3)
         || '-' || substr(stamp, 1, 2) || ' ' || substr(stamp, 13, 8) AS ts,
       substr(request, 1, instr(request, ' ') - 1) AS method,
       substr(request, instr(request, ' ') + 1,
              instr(request, ' HTTP/') - instr(request, ' ') - 1) AS url,
       CAST(status AS INTEGER) AS status_code,
       CASE WHEN bytes <> '-' THEN CAST(bytes AS INTEGER) END AS bytes,
       nullif(referrer, '-') AS referrer,
       rtrim(agent, '"') AS agent,
       stamp GLOB '[0-9][0-9]/[A-Z][a-z][a-z]/[0-9][0-9][0-9][0-9]:[0-9][0-9]:[0-9][0-9]:[0-9][0-9] +0000'
         AND request GLOB '[A-Z]* ?* HTTP/[0-9]*'
         AND rest2 GLOB '[1-5][0-9][0-9] [0-9-]*'
         AND rest4 GLOB '?*" "*"' AS complete
FROM five;

INSERT INTO events (ts, type, source, method, url, status_code, payload)
SELECT ts, 'http.request', 'apache', method, url, status_code,
       json_object('ip', ip, 'bytes', bytes, 'referrer', referrer, 'agent', agent)
FROM input
WHERE complete;

SELECT 'lines read: ' || count(*) || ', malformed: ' || sum(NOT complete) ||
       ', events stored: ' || (SELECT count(*) FROM events)
FROM input;
SELECT 'malformed, line ' || lineno || ': ' || line FROM input WHERE NOT complete;

SELECT 'tarn_flush() wrote what the background thread had not written yet: ' || tarn_flush();

.mode box --wrap 100
.headers on
.print
.print == Failed requests by endpoint
SELECT url, status_code, count(*) AS errors
FROM events
WHERE status_code >= 400
GROUP BY url, status_code
ORDER BY errors DESC, url
LIMIT 8;

.print
.print == Requests and megabytes per day
SELECT date_trunc('day', ts) AS day, count(*) AS requests,
       round(sum(payload ->> '$.bytes') / 1e6, 1) AS megabytes
FROM events
GROUP BY day
ORDER BY day;

.print
.print == Who sends visitors here?
SELECT substr(rest, 1, instr(rest || '/', '/') - 1) AS site, count(*) AS visits
FROM (SELECT substr(payload ->> '$.referrer', instr(payload ->> '$.referrer', '://') + 3) AS rest
      FROM events
      WHERE payload ->> '$.referrer' LIKE 'http%' AND
            payload ->> '$.referrer' NOT LIKE '%semicomplete.com%')
GROUP BY site
ORDER BY visits DESC, site
LIMIT 5;

.print
.print == The busiest addresses, and what they call themselves
SELECT payload ->> '$.ip' AS ip, count(*) AS requests,
       substr(max(payload ->> '$.agent'), 1, 60) AS agent
FROM events
GROUP BY ip
ORDER BY requests DESC, ip
LIMIT 4;

.print
.print == The files: one per hour that has events
SELECT count(*) AS files, sum(rows) AS events, sum(size) AS bytes FROM tarn_files;
