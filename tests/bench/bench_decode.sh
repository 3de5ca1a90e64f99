#!/usr/bin/env bash
# How fast columns are decoded, without SQL, beside DuckDB with one thread. Run by `make bench`.
#
#   BENCH_DECODE  rows of the file (1,000,000: 0.1 GB in build/bench, kept for next time)
#
# One file as compaction writes it: dictionaries uncompressed, the rest ZSTD. Tarn decodes every value
# and looks at it once; DuckDB computes what it can't know from statistics: sum of numbers, max of text. Median
# of 9 after a run to warm up, one thread each.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
build=${BUILD:-$PWD/build}
dir=$build/bench
rows=${BENCH_DECODE:-1000000}
file=$dir/decode-$rows.parquet
duck_lib=$PWD/build/interop/node_modules/@duckdb/node-bindings-linux-x64
libraries="libzstd snappy zlib liblz4 libbrotlidec jansson libcrypto libcurl expat"

mkdir -p "$dir"
# shellcheck disable=SC2046,SC2086 # one word per library
gcc -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Iext/base -Iext/parquet -Iext/lake -Ivfs \
  -o "$dir/decode_run" tests/bench/decode_run.c tests/bench/event_mix.c "$build/libtarn.a" \
  -pthread -lsqlite3 $(pkg-config --libs $libraries) -lm
duck=
if [ -e "$duck_lib/libduckdb.so" ]; then
  gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -o "$dir/duck_run" tests/bench/duck_run.c \
    -L"$duck_lib" -lduckdb -Wl,-rpath,"$duck_lib"
  duck=$dir/duck_run
else
  echo "DuckDB is not installed here (tests/setup.sh interop): its column stays empty."
fi
if [ ! -e "$file" ]; then
  "$dir/decode_run" -w "$file.part" "$rows"
  mv "$file.part" "$file"
fi

echo
echo "$rows rows, $(du -m "$file" | cut -f1) MB, one thread; ratio: Tarn / DuckDB."
echo
echo "| column | what it is | Tarn ms | DuckDB ms | ratio |"
echo "|---|---|---:|---:|---:|"
while IFS=: read -r column question what; do
  ours=$("$dir/decode_run" -n 9 "$file" "$column" 2>&1 >/dev/null | cut -d' ' -f2)
  theirs=-
  [ -z "$duck" ] ||
    theirs=$("$duck" -t 1 -n 9 "SELECT $question FROM read_parquet('$file')" 2>&1 >/dev/null | cut -d' ' -f2)
  awk -v c="$column" -v w="$what" -v a="$ours" -v b="$theirs" 'BEGIN {
    printf "| %s | %s | %.1f | %s | %s |\n", c, w, a, b, b == "-" ? "-" : sprintf("%.2f", a / b) }'
done <<'EOF'
ts:sum(epoch_ms(ts)):INT64, DELTA_BINARY_PACKED
type:max(type):text, dictionary
url:max(url):text with NULLs, dictionary
status_code:sum(status_code):INT32 with NULLs, dictionary
duration_ms:sum(duration_ms):DOUBLE with NULLs, PLAIN, ZSTD
payload:max(payload):text of 200 bytes, PLAIN, ZSTD
EOF
