-- What INSERT INTO events takes, and what it says when it doesn't.
SELECT tarn_config('autoFlush', 'off');
.print -- ts
INSERT INTO events(ts, type) VALUES('yesterday', 'a');
INSERT INTO events(ts, type) VALUES('1770042600000', 'a');
INSERT INTO events(ts, type) VALUES('2026-02-30', 'a');
INSERT INTO events(ts, type) VALUES(x'00', 'a');
INSERT INTO events(ts, type) VALUES(253402300800000, 'a');
INSERT INTO events(ts, type) VALUES(-62167219200001, 'a');
INSERT INTO events(ts, type) VALUES(1e300, 'a');
INSERT INTO events(ts, ts_ms, type) VALUES('2026-02-02', 5, 'a');
INSERT INTO events(ts_ms, type) VALUES('2026-02-02', 'a');
.print -- type
INSERT INTO events(ts) VALUES('2026-02-02');
INSERT INTO events(type) VALUES('');
INSERT INTO events(type) VALUES(x'61');
INSERT INTO events(type) VALUES('a' || char(0) || 'b');
INSERT INTO events(type, source) VALUES('a', CAST(x'61ff62' AS TEXT));
.print -- numbers
INSERT INTO events(type, verified) VALUES('a', 'yes');
INSERT INTO events(type, verified) VALUES('a', 2);
INSERT INTO events(type, status_code) VALUES('a', 200.5);
INSERT INTO events(type, status_code) VALUES('a', 2147483648);
INSERT INTO events(type, status_code) VALUES('a', 'two hundred and a text that is too long to be shown');
INSERT INTO events(type, duration_ms) VALUES('a', 9e999);
INSERT INTO events(type, duration_ms) VALUES('a', 'fast');
INSERT INTO events(type, duration_ms, durationMs) VALUES('a', 1, 1);
.print -- payload
INSERT INTO events(type, payload) VALUES('a', '{"a": tru}');
INSERT INTO events(type, payload) VALUES('a', '{"a": 1');
INSERT INTO events(type, payload) VALUES('a', '');
INSERT INTO events(type, payload) VALUES('a', x'7b7d');
.print -- hidden columns
INSERT INTO events(type, id) VALUES('a', 'x');
INSERT INTO events(type, class) VALUES('a', 'x');
INSERT INTO events(type, do_id) VALUES('a', 'x');
INSERT INTO events(type, colo) VALUES('a', 'x');
INSERT INTO events(type, success) VALUES('a', 1);
INSERT INTO events(type, extra) VALUES('a', '{}');
INSERT INTO events(type, filename) VALUES('a', 'x');
INSERT INTO events(type, glob) VALUES('a', 'x');
INSERT INTO events(type, prefix) VALUES('a', 'cdc');
INSERT INTO events(type, prefix) VALUES('a', '../x');
INSERT INTO events(rowid, type) VALUES(1, 'a');
.print -- nothing of this was kept
SELECT count(*) FROM events;
.print -- what is taken
INSERT INTO events(ts, type, source, verified, status_code, duration_ms, payload) VALUES
  ('2026-02-02T14:30:00.5Z', 'iso', 5, 'TRUE', '200', '1.5', '{"id": "1"}'),
  ('2026-02-02 14:31', 'minutes', 5.5, 0, 404.0, 2, '5'),
  ('2026-02-02T14:32:00+02:00', 'zone', 'x', 'false', -1, 0, ' "text" '),
  (1770042780123, 'ms', NULL, NULL, NULL, NULL, NULL),
  (1770042840000.7, 'real ms', NULL, 1.0, NULL, NULL, '[]'),
  ('0000-01-01', 'first', NULL, NULL, NULL, NULL, NULL),
  ('9999-12-31 23:59:59.999', 'last', NULL, NULL, NULL, NULL, NULL);
INSERT INTO events(ts_ms, type, durationMs) VALUES(0, 'epoch', 7);
INSERT INTO events(type) VALUES('now');
SELECT ts, type, source, verified, status_code, duration_ms, payload FROM events
  WHERE type <> 'now' ORDER BY ts;
SELECT abs(julianday(ts) - julianday('now')) < 1 FROM events WHERE type = 'now';
.print -- a bad row among good ones: all or nothing; OR IGNORE passes over it
INSERT INTO events(type) VALUES('one'), (NULL), ('two');
SELECT count(*) FROM events WHERE type IN ('one', 'two');
INSERT OR IGNORE INTO events(type) VALUES('one'), (NULL), ('two');
SELECT changes(), (SELECT count(*) FROM events WHERE type IN ('one', 'two'));
.print -- immutable
UPDATE events SET type = 'b';
DELETE FROM events WHERE type = 'one';
.print -- transactions and savepoints
BEGIN;
INSERT INTO events(type) VALUES('kept');
SAVEPOINT s;
INSERT INTO events(type) VALUES('undone');
SELECT type FROM events WHERE type IN ('kept', 'undone') ORDER BY type;
ROLLBACK TO s;
COMMIT;
BEGIN;
INSERT INTO events(type) VALUES('rolled back');
ROLLBACK;
SELECT type FROM events WHERE type IN ('kept', 'undone', 'rolled back');
SELECT tarn_flush();
SELECT tarn_flush();
SELECT count(*) FROM events;
