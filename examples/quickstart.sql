-- Tarn in a minute: events go in through SQL, and come to rest as Parquet files beside the database.
--   sqlite3 demo.db < examples/quickstart.sql
.load build/tarn
.mode box

INSERT INTO events(ts, type, source, method, url, status_code, duration_ms, payload) VALUES
  ('2026-02-02 14:00:00.125', 'rpc.call', 'shop',  'GET',  '/cart',     200,  12.5, '{"id":"e1","user":"ada"}'),
  ('2026-02-02 14:00:01.250', 'rpc.call', 'shop',  'POST', '/checkout', 500, 250.0, '{"id":"e2","user":"ada"}'),
  ('2026-02-02 15:10:00.000', 'login',    'admin', NULL,   NULL,        NULL, NULL, '{"id":"e3","user":"bob"}');

-- Committed events can be read at once. Flushing writes them to the lake.
SELECT tarn_flush();

SELECT ts, type, url, status_code FROM events WHERE ts >= '2026-02-02 14:00' ORDER BY ts;

SELECT type, count(*) AS n, avg(duration_ms) AS avg_ms FROM events GROUP BY type ORDER BY type;
