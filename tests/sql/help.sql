-- tarn_help lists every table and function. (Completeness is checked in test_events_vtab.c.)
.mode list
SELECT count(*) > 10 FROM tarn_help;
SELECT name, kind, arguments, returns FROM tarn_help WHERE name IN ('events', 'tarn_config', 'jsonl', 'percentile_cont') ORDER BY name;
SELECT count(*) FROM tarn_help WHERE name IS NULL OR description IS NULL OR returns IS NULL OR example IS NULL;
SELECT tarn_version() GLOB '[0-9]*.[0-9]*.[0-9]*';
