#!/usr/bin/env bash
# tarn_export and DuckDB's COPY with one thread, of the same rows from a table of their own on disk.
# tarn_export reads in the caller's thread, converts in a second one and encodes in a third: the times
# are those of a machine with two cores or more, the processor time is of all three.
# Run by `make bench`.
#
#   BENCH_EXPORT_ROWS   rows (1,000,000: about 0.7 GB in build/bench/export, kept for next time)
#
# Median of 3 runs after one to warm up, in one process; then the processor time (user and system) of
# the best of 3 whole processes, which other work on the machine disturbs less. The first line of the
# table is SQLite alone: every row stepped to and every value looked at, which no export can be below.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
build=${BUILD:-$PWD/build}
rows=${BENCH_EXPORT_ROWS:-1000000}
dir=$build/bench/export
db=$dir/rows-$rows.db
duck_db=$dir/rows-$rows.duckdb
duck_lib=$PWD/build/interop/node_modules/@duckdb/node-bindings-linux-x64

die() { printf 'bench: %s\n' "$*" >&2; exit 1; }

compile() { # PROGRAM SOURCE OPTION...
  local program=$dir/$1
  shift
  gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Iext/base -o "$program" "$@" || die "$program does not compile"
}

table() { # a deterministic mixture: hashes by multiplication, hexadecimal text from them
  rm -f "$db.part"
  sqlite3 "$db.part" "
    CREATE TABLE t(ts TIMESTAMP_MS TEXT, type TEXT, source TEXT, provider TEXT, outcome TEXT, method TEXT,
      url TEXT, status_code INTEGER, size INTEGER, duration_ms REAL, ratio REAL, payload TEXT);
    INSERT INTO t WITH RECURSIVE n(i, h, g) AS (SELECT 0, 1, 7 UNION ALL
      SELECT i + 1, h * 2862933555777941757 + 3037000493 & 0x7fffffffffffffff >> 2,
        (g * 48271 + i) % 2147483647 FROM n WHERE i < $rows - 1)
    SELECT strftime('%Y-%m-%d %H:%M:%f', 1770000000 + i * 0.137, 'unixepoch'), 'type.' || (i * 7919 % 23),
      CASE WHEN i % 5 THEN 'source-' || (i % 7) END, 'provider' || (i * 31 % 11),
      CASE i % 9 WHEN 0 THEN 'error' ELSE 'ok' END, CASE i % 4 WHEN 0 THEN 'POST' ELSE 'GET' END,
      '/api/v1/resource/' || (g % 500), CASE i % 20 WHEN 0 THEN 500 WHEN 1 THEN 404 ELSE 200 END,
      g % 1000000, (g % 1000000) / 997.0, (g % 1000) / 1000.0,
      printf('{\"id\":\"%016x\",\"user\":%d,\"session\":\"%012x%08x\",\"ok\":%s,\"path\":\"/api/v1/resource/%d\",'
        || '\"agent\":\"Mozilla/5.0 (X11; Linux x86_64)\",\"region\":\"eu-west-%d\",\"n\":%d}',
        g * 2654435761, g % 10000, g * 40503 % 281474976710656, g, iif(i % 3, 'false', 'true'), i % 997, i % 3, i)
    FROM n;" || die "the table could not be made"
  mv "$db.part" "$db"
}

duck_table() {
  local columns="ts TIMESTAMP, type VARCHAR, source VARCHAR, provider VARCHAR, outcome VARCHAR, method VARCHAR,
    url VARCHAR, status_code BIGINT, size BIGINT, duration_ms DOUBLE, ratio DOUBLE, payload VARCHAR"
  rm -f "$duck_db.part"
  sqlite3 -csv "$db" "SELECT * FROM t" >"$dir/rows.csv"
  "$dir/duck_run" -s "ATTACH '$duck_db.part' AS d" -s "CREATE TABLE d.t($columns)" \
    -s "INSERT INTO d.t SELECT * FROM read_csv('$dir/rows.csv', header = false, nullstr = '',
      columns = {$(sed -E "s/ *([a-z_]+) ([A-Z]+)/'\1':'\2'/g" <<<"$columns" | tr -d '\n')})" \
    "CHECKPOINT d" 2>/dev/null || die "DuckDB's table could not be made"
  rm "$dir/rows.csv"
  mv "$duck_db.part" "$duck_db"
}

ours() { "$dir/tarn_run" -x "$build/tarn.so" -d "$db" "$@"; }
theirs() { "$dir/duck_run" -t 1 -s "ATTACH '$duck_db' AS d (READ_ONLY)" "$@"; }

processor() { # COMMAND...: the least of 3, in ms
  local TIMEFORMAT='%U %S'
  for _ in 1 2 3; do
    { time "$@" >/dev/null 2>&1; } 2>&1
  done | awk '{ms = ($1 + $2) * 1000; if (NR == 1 || ms < least) least = ms} END {printf "%d", least}'
}

median() { "$@" 2>&1 >/dev/null | tail -n 1 | cut -d' ' -f2; }

line() { # NAME OURS THEIRS OUR_CPU THEIR_CPU OUR_FILE THEIR_FILE
  awk -v name="$1" -v t="$2" -v d="$3" -v tc="$4" -v dc="$5" -v ts="$6" -v ds="$7" '
    function mb(x) { return x == "-" ? "-" : sprintf("%.1f", x / 1e6) }
    function per(x, y) { return y == "-" ? "-" : sprintf("%.2f", x / y) }
    BEGIN { printf "| %-14s | %7.0f | %9s | %5s | %8d | %10s | %5s | %7s | %9s | %5s |\n", name, t,
      d == "-" ? d : sprintf("%.0f", d), per(t, d), tc, dc, per(tc, dc), mb(ts), mb(ds), ts == "-" ? "-" : per(ts, ds) }'
}

mkdir -p "$dir"
[ -e "$build/tarn.so" ] || die "$build/tarn.so is missing: run make"
compile tarn_run tests/bench/tarn_run.c -lsqlite3
tests/setup.sh interop || true
[ -e "$db" ] || table
duck=
if [ -e "$duck_lib/libduckdb.so" ]; then
  compile duck_run tests/bench/duck_run.c -L"$duck_lib" -lduckdb -Wl,-rpath,"$duck_lib"
  duck=1
  [ -e "$duck_db" ] || duck_table
else
  echo "DuckDB is not installed here (tests/setup.sh interop): its columns stay empty."
fi

echo "$rows rows of 12 columns to one Parquet file, DuckDB with one thread; ms, MB; ratio: Tarn / DuckDB."
echo
echo "| codec          | Tarn ms | DuckDB ms | ratio | Tarn CPU | DuckDB CPU | ratio | Tarn MB | DuckDB MB | ratio |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
line "SQLite alone" "$(median ours -n 3 'SELECT * FROM t')" - "$(processor ours 'SELECT * FROM t')" - - -
for codec in snappy zstd "zstd 3"; do
  level=${codec#zstd}
  [ -z "${level// /}" ] || [ "$codec" = snappy ] || level=", \"level\": $level"
  [ "$codec" != snappy ] || level=
  file=$dir/tarn.parquet
  export="SELECT tarn_export('SELECT * FROM t', '$file', '{\"codec\": \"${codec% *}\"$level, \"overwrite\": true}')"
  copy="COPY (SELECT * FROM d.t) TO '$dir/duck.parquet' (FORMAT parquet, CODEC ${codec% *})"
  [ "$(ours -p "$export" 2>/dev/null)" = "$rows" ] || die "tarn_export failed: $(ours "$export" 2>&1)"
  t=$(median ours -n 3 "$export")
  tc=$(processor ours "$export")
  d=- dc=- size=-
  if [ -n "$duck" ]; then
    d=$(median theirs -n 3 "$copy")
    dc=$(processor theirs "$copy")
    size=$(stat -c %s "$dir/duck.parquet")
  fi
  line "$codec" "$t" "$d" "$tc" "$dc" "$(stat -c %s "$file")" "$size"
done
rm -f "$dir/tarn.parquet" "$dir/duck.parquet"
