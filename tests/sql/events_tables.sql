-- events under other names, of other lakes, prefixes and tenants; and from triggers.
SELECT tarn_config('autoFlush', 'off');
SELECT tarn_open('./one') GLOB 'file:///*/one';
INSERT INTO events(ts, type) VALUES('2026-02-02', 'in one');
SELECT tarn_flush();
CREATE VIRTUAL TABLE hooks USING events(prefix = webhooks);
CREATE VIRTUAL TABLE acme USING events(namespace = 'acme inc', prefix="events");
CREATE VIRTUAL TABLE same USING events('./one');
INSERT INTO hooks(ts, type) VALUES('2026-02-02', 'hook');
INSERT INTO acme(ts, type) VALUES('2026-02-02', 'of acme');
INSERT INTO same(ts, type) VALUES('2026-02-03', 'by its URI');
SELECT type, prefix FROM hooks;
SELECT type FROM acme;
SELECT type FROM same ORDER BY ts;
SELECT type FROM events ORDER BY ts;
SELECT type FROM tarn_events ORDER BY ts;
SELECT tarn_flush();
SELECT prefix, namespace, rows, state FROM tarn_files;
SELECT replace("key", '.parquet', '') GLOB 'ns/acme%20inc/events/2026/02/02/00/*' FROM tarn_files(NULL, 'acme inc');
SELECT type FROM acme;
.print -- another lake is read-only
SELECT tarn_open('./two') GLOB 'file:///*/two';
CREATE VIRTUAL TABLE other USING events('./one');
SELECT type FROM other ORDER BY ts;
INSERT INTO other(type) VALUES('x');
SELECT count(*) FROM events;
DROP TABLE other;
.print -- options are checked
CREATE VIRTUAL TABLE x USING events(namespaces = 'a');
CREATE VIRTUAL TABLE x USING events(prefix = 'cdc');
CREATE VIRTUAL TABLE x USING events(namespace = '..');
CREATE VIRTUAL TABLE x USING events('./one', uri = './two');
CREATE VIRTUAL TABLE missing USING events('./nowhere');
SELECT * FROM missing;
DROP TABLE missing;
.print -- a setting selects the tenant
SELECT tarn_config('namespace', 'acme');
INSERT INTO events(ts, type) VALUES('2026-02-02', 'tenant');
SELECT tarn_config('namespace', NULL);
SELECT count(*) FROM events;
SELECT tarn_config('namespace', 'acme');
SELECT type FROM events;
SELECT tarn_config('namespace', '');
.print -- an application's trigger inserts events, also where the schema isn't trusted
PRAGMA trusted_schema = 0;
CREATE TABLE users(id INTEGER PRIMARY KEY, name);
CREATE TRIGGER users_insert AFTER INSERT ON users BEGIN
  INSERT INTO events(type, source, payload) VALUES('user.created', new.name, '{"id":' || new.id || '}');
END;
INSERT INTO users VALUES(41, 'ann'), (42, 'bob');
SELECT last_insert_rowid(), changes();
SELECT type, source, id FROM events ORDER BY id;
BEGIN;
INSERT INTO users VALUES(43, 'eve');
ROLLBACK;
SELECT count(*) FROM events;
.print -- functions with effects are not for schemas
CREATE VIEW v AS SELECT tarn_flush();
SELECT * FROM v;
CREATE VIEW w AS SELECT * FROM jsonl('x');
SELECT * FROM w;
CREATE VIEW y AS SELECT tarn_config('prefix', 'tail');
SELECT * FROM y;
CREATE VIEW z AS SELECT count(*) FROM events;
SELECT * FROM z;
