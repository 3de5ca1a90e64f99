-- tarn_config, tarn_settings, tarn_open.
.mode list
.headers on
SELECT name, value, "default", type, origin FROM tarn_settings;
.headers off
SELECT tarn_config('countThreshold', 500), tarn_config('countThreshold');
SELECT value, origin FROM tarn_settings WHERE name = 'countThreshold';
SELECT * FROM _tarn_settings;
SELECT tarn_config('countThreshold', NULL);
SELECT value, origin FROM tarn_settings WHERE name = 'countThreshold';
.print -- errors
SELECT tarn_config('countthreshold');
SELECT tarn_config(NULL);
SELECT tarn_config('countThreshold', 0);
SELECT tarn_config('countThreshold', 'many');
SELECT tarn_config('pushdown', 'maybe');
SELECT tarn_config('prefix', 'cdc');
SELECT tarn_config('namespace', '..');
SELECT tarn_config('pushdown', x'00');
SELECT tarn_open('');
SELECT tarn_open(NULL);
SELECT tarn_open('./no/such/folder');
SELECT tarn_open('EVENTS_BUCKET');
.print -- a lake
SELECT tarn_open('./lake') GLOB 'file:///*/lake';
SELECT tarn_config('lake') GLOB 'file:///*/lake';
SELECT origin FROM tarn_settings WHERE name = 'lake';
.print -- another connection of this database; it must confirm a lake that is named there
SELECT tarn_config('batchSize', 7);
.connection 1
.open test.db
SELECT 'plain SQLite', value FROM _tarn_settings WHERE key = 'batchSize';
