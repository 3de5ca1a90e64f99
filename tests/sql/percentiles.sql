-- percentile_cont, quantile_cont, percentile_disc: the expected values are DuckDB's.
.mode list
CREATE TABLE n(x);
INSERT INTO n VALUES(10), (20), (30), (40), (NULL);
SELECT percentile_cont(x, 0), percentile_cont(x, 0.5), percentile_cont(x, 0.95), percentile_cont(x, 1) FROM n;
SELECT quantile_cont(x, 0.25), quantile_cont(x, 0.1) FROM n;
SELECT percentile_disc(x, 0), percentile_disc(x, 0.25), percentile_disc(x, 0.26), percentile_disc(x, 0.5), percentile_disc(x, 1) FROM n;
SELECT typeof(percentile_disc(x, 0.5)), typeof(percentile_cont(x, 0.5)) FROM n;
SELECT percentile_cont(x + 0.5, 0.5), percentile_disc(x + 0.5, 0.5) FROM n;
.print -- one value, none, only NULLs
SELECT percentile_cont(5, 0.3), percentile_disc(5, 0.3);
SELECT percentile_cont(x, 0.5) IS NULL, percentile_disc(x, 0.5) IS NULL FROM n WHERE x > 100;
SELECT percentile_cont(x, 0.5) IS NULL FROM n WHERE x IS NULL;
.print -- groups, and many values
SELECT x > 20 AS big, percentile_cont(x, 0.5) FROM n WHERE x IS NOT NULL GROUP BY big;
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 10000)
SELECT percentile_cont((i * 7919) % 10007, 0.5), percentile_cont((i * 7919) % 10007, 0.99),
       percentile_disc((i * 7919) % 10007, 0.99) FROM c;
.print -- errors
SELECT percentile_cont(x, 1.5) FROM n;
SELECT percentile_cont(x, NULL) FROM n;
SELECT percentile_cont(x, 'half') FROM n;
SELECT percentile_cont(x, x / 100.0) FROM n;
SELECT percentile_cont('abc', 0.5);
SELECT percentile_disc(9007199254740993, 0.5);
