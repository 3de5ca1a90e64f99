-- jsonl(path): the lines of text files.
.mode list
SELECT writefile('a.jsonl', '{"type":"a","ts":"2026-02-02T14:30:00Z","n":1}' || char(10, 10) ||
  'plain text' || char(13, 10) || '{"type":"b","n":}' || char(10) || '{"type":"c"');
SELECT writefile('b.jsonl', '{"type":"d"}' || char(10)), writefile('empty.jsonl', '');
.shell gzip -n b.jsonl
SELECT writefile('sub/deep/c.jsonl', '[1]' || char(10));
.headers on
SELECT lineno, line, error, filename FROM jsonl('a.jsonl');
.headers off
SELECT * FROM jsonl('b.jsonl.gz');
SELECT filename, count(*), sum(error IS NULL) FROM jsonl('*.jsonl*') GROUP BY filename;
SELECT filename, line FROM jsonl('sub/**');
SELECT filename, line FROM jsonl('./sub/*/c.jsonl');
SELECT count(*) FROM jsonl('empty.jsonl');
.print -- as events
SELECT tarn_config('autoFlush', 'off');
INSERT INTO events(ts, type, payload)
  SELECT line ->> 'ts', line ->> 'type', line FROM jsonl('*.jsonl*')
  WHERE CASE WHEN error IS NULL THEN line ->> 'type' END IS NOT NULL;
SELECT type FROM events ORDER BY type;
.print -- joined
SELECT p.column1, count(j.line) FROM (VALUES('a.jsonl'), ('b.jsonl.gz')) AS p, jsonl(p.column1) AS j GROUP BY 1;
.print -- errors
SELECT * FROM jsonl('none.jsonl');
SELECT * FROM jsonl('none*.jsonl');
SELECT * FROM jsonl('nowhere/x.jsonl');
SELECT * FROM jsonl('sub');
SELECT * FROM jsonl('sub/');
SELECT * FROM jsonl(NULL);
SELECT * FROM jsonl;
