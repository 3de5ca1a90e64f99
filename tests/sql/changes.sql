-- cdc_<collection>: the changes of a tracked table, wherever they are; bookmarks; tarn_verify.
.mode list
.headers on
SELECT tarn_config('autoFlush', 'off');
CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users VALUES(1, 'a');
SELECT tarn_bookmark() IS NULL AS none, tarn_bookmark_at('2001-01-01') IS NULL AS none_at;
SELECT tarn_track('users', '{"namespace":"app"}');
INSERT INTO users VALUES(2, 'b'), (3, 'c');
UPDATE users SET name = 'A' WHERE id = 1;
SELECT op, pk, data, prev, seq, filename FROM cdc_users;

-- this transaction's own: no bookmark, no time yet
BEGIN;
DELETE FROM users WHERE id = 3;
SELECT op, pk, prev, ts IS NULL AS no_ts, bookmark IS NULL AS no_bookmark FROM cdc_users WHERE pk = 3;
ROLLBACK;
SELECT count(*) FROM cdc_users;

-- in the lake
SELECT tarn_flush() AS flushed;
DELETE FROM users WHERE id = 3;
SELECT op, pk, seq, filename IS NOT NULL AS in_file FROM cdc_users ORDER BY bookmark, seq;
SELECT op, pk FROM cdc_users ORDER BY bookmark DESC LIMIT 2;
SELECT tarn_bookmark() = max(bookmark) AS newest, length(max(bookmark)) AS length FROM cdc_users;
SELECT substr(tarn_bookmark(), 1, 25) AS bookmark;
SELECT tarn_bookmark_at('9999') = tarn_bookmark() AS same;

-- a range: what came after a bookmark, up to another one
SELECT tarn_flush() AS flushed;
INSERT INTO users VALUES(4, 'd');
SELECT tarn_flush() AS flushed;
CREATE TEMP TABLE mark AS SELECT min(bookmark) AS a, max(bookmark) AS b FROM cdc_users;
SELECT op, pk FROM cdc_users WHERE bookmark > (SELECT a FROM mark) AND bookmark <= (SELECT b FROM mark);
SELECT what, count FROM tarn_explain(
    'SELECT pk FROM cdc_users WHERE bookmark >= ''' || (SELECT b FROM mark) || '''')
    WHERE what LIKE 'files%';
SELECT what, count FROM tarn_explain('SELECT pk FROM cdc_users WHERE pk = 4 ORDER BY bookmark')
    WHERE what LIKE 'files%';

-- plans: no sorting for the order of bookmarks
.headers off
EXPLAIN QUERY PLAN SELECT pk FROM cdc_users ORDER BY bookmark, seq;
EXPLAIN QUERY PLAN SELECT pk FROM cdc_users ORDER BY bookmark DESC;
EXPLAIN QUERY PLAN SELECT pk, seq FROM cdc_users ORDER BY bookmark DESC;
EXPLAIN QUERY PLAN SELECT pk FROM cdc_users WHERE bookmark > 'a' AND ts < 'b' AND pk IN (1, 2) AND op = 'c';
.headers on

-- verification, and what damage looks like
SELECT timeline, entry, state, first, last, changes, ok, fault FROM tarn_verify('cdc');
.shell for f in test.db-lake/cdc/app/users/deltas/005*; do cp test.db-lake/cdc/app/users/deltas/002* $f; done
SELECT entry, ok, fault FROM tarn_verify('cdc', 'app') WHERE NOT ok;

-- what is refused
SELECT tarn_bookmark_at('soon');
SELECT * FROM tarn_verify('events');
INSERT INTO cdc_users(op) VALUES('insert');
CREATE VIRTUAL TABLE x USING tarn_cdc('app', 'users');
CREATE TABLE cdc_orders(x);
CREATE TABLE orders(id INTEGER PRIMARY KEY);
SELECT tarn_track('orders');
SELECT count(*) FROM tarn_collections WHERE "table" = 'orders';
