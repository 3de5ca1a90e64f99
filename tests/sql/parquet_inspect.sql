-- parquet_schema, parquet_metadata, parquet_file_metadata, parquet_kv_metadata.
.mode list
CREATE TABLE src(id INTEGER NOT NULL, at TIMESTAMP(3), name TEXT, price DECIMAL(8,2), uid UUID);
INSERT INTO src VALUES (1, '2026-02-02 14:00:00.125', 'one', 9.99, '00112233-4455-6677-8899-aabbccddeeff'), (2, NULL, 'two', -0.05, NULL), (3, '2026-02-03', NULL, NULL, NULL);
SELECT tarn_export('SELECT * FROM src', 'a.parquet', '{"rowGroupSize": 2, "codec": "uncompressed", "sortedBy": "id", "bloom": ["name"], "metadata": {"by": "test"}}');
SELECT tarn_export('SELECT 1 AS x', 'b.parquet', '{"codec": "snappy"}');
.headers on
SELECT * FROM parquet_schema('a.parquet');
SELECT file_name, row_group_id, row_group_num_rows, column_id, path_in_schema, type, num_values, compression, stats_min_value, stats_max_value, min_is_exact, max_is_exact, stats_null_count, sorted, encrypted, key_value_metadata FROM parquet_metadata('a.parquet');
SELECT path_in_schema, data_page_offset > 0, total_compressed_size > 0, total_uncompressed_size > 0, bloom_filter_offset > 0, bloom_filter_length > 0, column_index_offset > 0, offset_index_offset > 0 FROM parquet_metadata('a.parquet') WHERE row_group_id = 0;
SELECT file_name, created_by GLOB 'tarn version *' AS ours, num_rows, num_row_groups, format_version, file_size_bytes > footer_size AND footer_size > 100 AS sizes, num_columns FROM parquet_file_metadata('*.parquet');
SELECT file_name, "key", value FROM parquet_kv_metadata('a.parquet') WHERE "key" = 'by';
.headers off
SELECT file_name, count(*) FROM parquet_schema('*.parquet') GROUP BY 1;
.print -- refused
SELECT * FROM parquet_schema('none.parquet');
SELECT * FROM parquet_metadata('none*.parquet');
SELECT * FROM parquet_file_metadata(NULL);
SELECT * FROM parquet_kv_metadata(x'00');
SELECT * FROM parquet_schema;
CREATE VIEW v AS SELECT * FROM parquet_schema('a.parquet');
SELECT * FROM v;
.shell printf 'hello, this is text' > text.parquet
SELECT * FROM parquet_metadata('text.parquet');
