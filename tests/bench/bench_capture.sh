#!/usr/bin/env bash
# What recording the changes of a table costs: beside no recording, and beside hand-written triggers that
# write JSON to a table. Run by `make bench`.
#
#   BENCH_TRANSACTIONS  of one row each (20,000), and of ten times as many rows, 1,000 a transaction
#   BENCH_CHANGES       rows of the bulk statements, and of the table that is updated (1,000,000)
#   BENCH_ROUNDS        rounds (5): in each, all variants one after the other; medians are printed
#   BENCH_VARIANTS, BENCH_CASES  some of those that capture_run.c lists
#
# Every run is a process of its own over a fresh copy of the database; MB is its peak while it writes. On a
# machine that does other things too, the ratios of processor time say more than those of time.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
build=${BUILD:-$PWD/build}
dir=$build/bench
transactions=${BENCH_TRANSACTIONS:-20000}
changes=${BENCH_CHANGES:-1000000}
rounds=${BENCH_ROUNDS:-5}
variants=${BENCH_VARIANTS:-none triggers capture flush hook}
cases=${BENCH_CASES:-insert1 update1 insert1000 update1000 bulk-insert bulk-update}
db=$dir/capture.db

die() { printf 'bench: %s\n' "$*" >&2; exit 1; }

mkdir -p "$dir"
[ -e "$build/tarn.so" ] || die "$build/tarn.so is missing: run make"
gcc -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -o "$dir/capture_run" tests/bench/capture_run.c -lsqlite3 ||
  die "capture_run does not compile"

rows_of() { # CASE
  case $1 in
    *1) echo "$transactions" ;;
    *1000) echo $((transactions * 10)) ;;
    *) echo "$changes" ;;
  esac
}

template() { # CASE: the database it begins with, kept for the next time
  local full=-M path
  case $1 in *insert*) full=-m ;; esac
  path=$dir/capture$full-$changes.db
  if [ ! -e "$path" ]; then
    rm -f "$path".part*
    "$dir/capture_run" $full -n "$changes" "$path.part" || die "$path could not be made"
    mv "$path.part" "$path"
  fi
  echo "$path"
}

clean() { rm -rf "$db" "$db"-*; }

measure() { # CASE ROUND
  local from variant
  from=$(template "$1")
  for variant in $variants; do
    clean
    cp "$from" "$db"
    "$dir/capture_run" -x "$build/tarn.so" -v "$variant" -c "$1" -n "$(rows_of "$1")" "$db" \
      >"$dir/capture.out" || die "$1, $variant, round $2 failed"
    echo "$1 $variant $(rows_of "$1") $(cat "$dir/capture.out")" >>"$dir/capture.runs"
  done
  clean
}

report() { # medians of ms and of processor ms, maximum of kB
  awk '
    { key = $1 SUBSEP $2; n[key]++; ms[key, n[key]] = $4; cpu[key, n[key]] = $6; rows[$1] = $3
      if ($5 > kb[key]) kb[key] = $5
      if (!($1 in seen)) { seen[$1] = 1; order[++cases] = $1 } }
    function median(of, key,   i, j, m, t, v) {
      m = n[key]; if (!m) return 0
      for (i = 1; i <= m; i++) v[i] = of == "ms" ? ms[key, i] : cpu[key, i]
      for (i = 2; i <= m; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) {
        t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
      return v[int((m + 1) / 2)]
    }
    function speed(c, v,   t) { t = median("ms", c SUBSEP v); return t ? sprintf("%.0f", rows[c] / t * 1000) : "-" }
    function over(of, c, v, w,   a, b) {
      a = median(of, c SUBSEP v); b = median(of, c SUBSEP w); return a && b ? sprintf("%.2f", a / b) : "-" }
    function mb(c, v) { return kb[c SUBSEP v] ? sprintf("%.0f", kb[c SUBSEP v] / 1024) : "-" }
    END {
      print "| rows a second | none | triggers | capture | with flusher |"
      print "|---|---:|---:|---:|---:|"
      for (i = 1; i <= cases; i++) { c = order[i]
        printf "| %s (%d) | %s | %s | %s | %s |\n", c, rows[c], speed(c, "none"), speed(c, "triggers"),
          speed(c, "capture"), speed(c, "flush") }
      print ""
      print "| time, processor time | capture / none | capture / triggers | triggers / none | flusher / none | hook / none | MB none | MB capture | MB flusher |"
      print "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
      for (i = 1; i <= cases; i++) { c = order[i]
        printf "| %s |", c
        split("capture none capture triggers triggers none flush none hook none", p, " ")
        for (k = 1; k < 10; k += 2) printf " %s, %s |", over("ms", c, p[k], p[k + 1]), over("cpu", c, p[k], p[k + 1])
        printf " %s | %s | %s |\n", mb(c, "none"), mb(c, "capture"), mb(c, "flush") } }' "$dir/capture.runs"
}

: >"$dir/capture.runs"
for ((round = 1; round <= rounds; round++)); do
  for one in $cases; do measure "$one" "$round"; done
done
echo "Rows a second, medians of $rounds rounds; $(nproc) processors; SQLite $(sqlite3 -version | cut -d' ' -f1)," \
  "WAL, synchronous = NORMAL."
echo
report
