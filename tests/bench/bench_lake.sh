#!/usr/bin/env bash
# Tarn and DuckDB, the same questions over the same files, side by side. Run by `make bench`.
#
#   BENCH_ROWS    events in the lake        (10,000,000: 0.8 GB in build/bench, kept for next time)
#   BENCH_HOURS   hourly files they fill    (720; at least 48)
#   BENCH_BULK    events of the bulk insert (1,000,000, or BENCH_ROWS if that is less)
#   BENCH_FILES   files of the listing      (10,000)
#
# Each query runs once in both engines and the rows are compared; a difference ends the benchmark,
# and nothing is timed. Then: warm = median of 5 after a run to warm up, in one process; process = median
# of 5 whole processes, from exec to exit; RSS = the warm process's peak. DuckDB has two threads.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
build=${BUILD:-$PWD/build}
dir=$build/bench
rows=${BENCH_ROWS:-10000000}
hours=${BENCH_HOURS:-720}
bulk=${BENCH_BULK:-$((rows < 1000000 ? rows : 1000000))}
files=${BENCH_FILES:-10000}
duck_lib=$PWD/build/interop/node_modules/@duckdb/node-bindings-linux-x64
libraries="libzstd snappy zlib liblz4 libbrotlidec jansson libcrypto libcurl expat"
lake=$dir/lake-$rows-$hours
many=$dir/files-$files
duck=

die() { printf 'bench: %s\n' "$*" >&2; exit 1; }

[ "$hours" -ge 48 ] || die "BENCH_HOURS is $hours: two days, 48, are the least"
mkdir -p "$dir"

compile() { # PROGRAM SOURCE... -- OPTION...
  local program=$dir/$1 flags="-std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra"
  shift
  # shellcheck disable=SC2086 # one word per flag
  gcc $flags -Iext/base -Iext/parquet -Iext/lake -Ivfs -o "$program" "$@" ||
    die "$program does not compile"
}

programs() {
  for product in tarn.so libtarn.a; do
    [ -e "$build/$product" ] || die "$build/$product is missing: run make"
  done
  # shellcheck disable=SC2046,SC2086 # one word per library
  compile generate tests/bench/generate.c tests/bench/event_mix.c "$build/libtarn.a" \
    -pthread -lsqlite3 $(pkg-config --libs $libraries) -lm
  compile tarn_run tests/bench/tarn_run.c -lsqlite3
  tests/setup.sh interop || true
  if [ -e "$duck_lib/libduckdb.so" ]; then
    compile duck_run tests/bench/duck_run.c -L"$duck_lib" -lduckdb -Wl,-rpath,"$duck_lib"
    duck=$dir/duck_run
  else
    echo "DuckDB is not installed here (tests/setup.sh interop): its columns stay empty, and the rows"
    echo "that Tarn returns are NOT compared with anybody's."
  fi
}

generate() { # DIR ROWS HOURS: kept when it is complete
  [ ! -d "$1" ] || return 0
  echo "generating $2 events in $3 hourly files ..."
  rm -rf "$1.part"
  "$dir/generate" "$1.part" "$2" "$3" || die "the lake could not be generated"
  mv "$1.part" "$1"
}

tarn() { # [OPTION...] SQL
  local sql="${*: -1}"
  "$dir/tarn_run" -x "$build/tarn.so" -s "SELECT tarn_open('$here')" "${@:1:$#-1}" "$sql"
}

# Equal when every field is: as text, or as numbers to 9 digits (sums of doubles depend on order).
same() { # FILE FILE
  paste -d '\n' "$1" "$2" | awk -F '\t' -v a="$(wc -l <"$1")" -v b="$(wc -l <"$2")" '
    function number(x) { return x ~ /^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$/ }
    function differ(x, y,   d, m) {
      if (x == y) return 0
      if (!number(x) || !number(y)) return 1
      d = x - y; m = x < 0 ? -x : x
      return (d < 0 ? -d : d) > m * 1e-9
    }
    a != b { print "one has " a " rows, the other " b; bad = 1; exit 1 }
    NR % 2 { n = split($0, left, "\t"); next }
    { if (n != NF) { print "row " NR / 2 ": " n " and " NF " columns"; bad = 1; exit 1 }
      for (i = 1; i <= NF; i++) if (differ(left[i], $i)) {
        print "row " NR / 2 ", column " i ": " left[i] " and " $i; bad = 1; exit 1 } }
    END { exit bad }'
}

process_ms() { # COMMAND...: median of 5 whole processes, of fewer once 20 s have passed
  local before spent=0
  for _ in 1 2 3 4 5; do
    before=${EPOCHREALTIME/./}
    "$@" >/dev/null 2>&1
    echo $((${EPOCHREALTIME/./} - before))
    spent=$((spent + ${EPOCHREALTIME/./} - before))
    [ $spent -lt 20000000 ] || break
  done | sort -n | awk '{ms[NR] = $1 / 1000} END {printf "%.1f", ms[int((NR + 1) / 2)]}'
}

line() { # NAME TARN_MS DUCK_MS TARN_PROCESS DUCK_PROCESS TARN_KB DUCK_KB
  awk -v name="$1" -v t="$2" -v d="$3" -v tp="$4" -v dp="$5" -v tk="$6" -v dk="$7" '
    function mb(kb) { return kb == "-" ? "-" : sprintf("%.0f", kb / 1024) }
    function ms(x) { return x == "-" ? "-" : sprintf(x < 100 ? "%.1f" : "%.0f", x) }
    BEGIN { printf "| %-41s | %8s | %9s | %5s | %8s | %9s | %7s | %8s |\n", name, ms(t), ms(d),
      d == "-" || d + 0 == 0 ? "-" : sprintf(t / d < 0.1 ? "%.3f" : "%.2f", t / d), ms(tp), ms(dp), mb(tk), mb(dk) }'
}

head_lines() {
  line_format='| %-41s | %8s | %9s | %5s | %8s | %9s | %7s | %8s |\n'
  # shellcheck disable=SC2059
  printf "$line_format" query "Tarn ms" "DuckDB ms" ratio "Tarn pr." "DuckDB pr" "Tarn MB" "DuckDB MB"
  echo "|---|---:|---:|---:|---:|---:|---:|---:|"
}

query() { # NAME TARN_SQL DUCK_SQL
  local difference tarn_warm duck_warm="- - - -" duck_process=-
  tarn -p "$2" >"$dir/tarn.rows" 2>"$dir/error" || die "$1: $(cat "$dir/error")"
  if [ -n "$duck" ]; then
    "$duck" -p "$3" >"$dir/duck.rows" 2>"$dir/error" || die "$1: $(cat "$dir/error")"
    difference=$(same "$dir/tarn.rows" "$dir/duck.rows") ||
      die "$1: Tarn and DuckDB answer differently: $difference ($dir/tarn.rows, $dir/duck.rows)"
    duck_warm=$("$duck" -n 5 "$3" 2>&1 >/dev/null)
    duck_process=$(process_ms "$duck" "$3")
  fi
  [ -s "$dir/tarn.rows" ] || echo "bench: $1: no row; too few events for this question" >&2
  tarn_warm=$(tarn -n 5 "$2" 2>&1 >/dev/null)
  # shellcheck disable=SC2086 # first median rows rss
  set -- "$1" "$2" $tarn_warm $duck_warm
  line "$1" "$4" "$8" "$(process_ms tarn "$2")" "$duck_process" "$6" "${10}"
}

queries() {
  local name ours theirs day next week
  day=$(date -u -d "2026-02-01 + $((hours / 48)) days" +%F)
  next=$(date -u -d "$day + 1 day" +%F)
  week=$(date -u -d "$next - 7 days" +%F)
  fill() {
    sed "s|\$FILES|read_parquet('$here/events/**/*.parquet')|
      s|\$DAY|$day|g; s|\$NEXT|$next|g; s|\$WEEK|$week|g"
  }
  while IFS= read -r name; do
    case $name in '' | '#'*) continue ;; esac
    if ! IFS= read -r ours || ! IFS= read -r theirs; then
      die "queries.txt: '$name' is not followed by two lines"
    fi
    query "$name" "$(fill <<<"$ours")" "$(fill <<<"$theirs")"
  done <tests/bench/queries.txt
}

bulk_insert() { # the source table stands in the same database file
  local columns="ts, type, source, provider, event_type, verified, script_name, outcome, method"
  columns+=", url, status_code, duration_ms, payload"
  local db=$dir/bulk.db first ms kb count
  rm -rf "$db" "$db"-*
  tarn -s "ATTACH '$db' AS bulk" \
    "CREATE TABLE bulk.source AS SELECT $columns FROM events LIMIT $bulk" 2>/dev/null ||
    die "the source table of the bulk insert could not be made"
  first=$("$dir/tarn_run" -x "$build/tarn.so" -d "$db" "
    BEGIN; INSERT INTO events($columns) SELECT $columns FROM source; COMMIT; SELECT tarn_flush();" 2>&1) ||
    die "the bulk insert failed: $first"
  read -r ms _ _ kb <<<"$first"
  count=$("$dir/tarn_run" -x "$build/tarn.so" -d "$db" -p "SELECT count(*) FROM events" 2>/dev/null)
  [ "$count" = "$bulk" ] || die "the bulk insert took $bulk events and $count are in the lake"
  awk -v n="$bulk" -v ms="$ms" -v kb="$kb" 'BEGIN {
    printf "Bulk INSERT of %d events, COMMIT and tarn_flush: ", n
    printf "%.2f s, %.0f events/s, peak RSS %.0f MB.\n", ms / 1000, n / ms * 1000, kb / 1024 }'
  rm -rf "$db" "$db"-*
}

programs
generate "$lake" "$rows" "$hours"
generate "$many" $((4 * files)) "$files"
echo
echo "$rows events in $hours hourly files, $(du -sm "$lake" | cut -f1) MB; $(nproc) processors;" \
  "SQLite $(sqlite3 -version | cut -d' ' -f1)."
echo "ms: warm median of 5; pr.: whole process; MB: peak RSS; ratio: Tarn / DuckDB, below 1 is Tarn's win."
echo
head_lines
here=$lake
queries
here=$many
query "list $files files" "SELECT count(*) FROM tarn_files" \
  "SELECT count(*) FROM glob('$many/events/**/*.parquet')"
query "one hour among $files files" \
  "SELECT ts, type FROM events
   WHERE ts >= '2026-02-20 05:00:00' AND ts < '2026-02-20 06:00:00' ORDER BY ts" \
  "SELECT ts, type FROM read_parquet('$many/events/**/*.parquet')
   WHERE ts >= TIMESTAMPTZ '2026-02-20 05:00:00Z' AND ts < TIMESTAMPTZ '2026-02-20 06:00:00Z'
   ORDER BY ts"
echo
here=$lake
bulk_insert
