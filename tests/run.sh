#!/usr/bin/env bash
# Runs test suites, and counts. tests/README.md says which suite is for what.
#
#   tests/run.sh [--build] SUITE...      unit sql replay examples interop newer s3 tui fault lint
#   tests/run.sh [--build] fuzz|bench    SECONDS_EACH seconds per fuzzer; benchmarks only print
#   tests/run.sh --golden NAME...        writes tests/sql/NAME.out from what NAME.sql prints now
#
# A suite is a list of cases that run side by side. A case ends in one or more lines
#     ok NAME   |   not ok NAME: why   |   skip NAME: why
# in the results file, and the end counts those lines. A case that leaves no line, crashes or runs
# out of time is a failure, and so is a suite without a case.
# Environment: BUILD (a variant's folder), SAN, SQLITE3 (the shell), JOBS.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
export BUILD=${BUILD:-build} SAN=${SAN:-} SQLITE3=${SQLITE3:-sqlite3} LC_ALL=C.UTF-8 TZ=UTC
jobs=${JOBS:-$(nproc)}
out=$top/$BUILD/test
results=$out/results
export RESULTS=$results

# One line per write, so that cases that run side by side don't mix.
result() { printf '%s\n' "$1" >>"$results"; }
not_ok() { # NAME WHY [LOG]: the end of the log is shown too, once for all failures of a case
  if [ -n "${3-}" ] && [ "$3" != "${shown-}" ]; then
    shown=$3
    printf '%s\n' "--- $1" "$(tail -n "${TAIL:-25}" "$3" | cut -c1-400 | sed 's/^/    /')" >>"$results.failures"
  fi
  result "not ok $1: $(cut -c1-300 <<<"$2")"
}

how_ended() { # exit status in words
  if [ "$1" = 124 ]; then echo "ran out of time"
  elif [ "$1" -gt 128 ]; then echo "killed by signal $(kill -l $(($1 - 128)))"
  else echo "exit status $1"; fi
}

fresh() { rm -rf "$1" && mkdir -p "$1"; }

# Runs a command without the user's settings or credentials, at home in folder $1.
clean_env() {
  local home=$1
  shift
  env -i PATH="$PATH" HOME="$home" TMPDIR="$home" LC_ALL=C.UTF-8 TZ=UTC TERM=xterm TOP="$top" \
    BUILD="$top/$BUILD" SQLITE3="$SQLITE3" LONG="${LONG:-}" ROUNDS="${ROUNDS:-}" RESULTS="$results" \
    NODE="$top/build/interop/node" TARN_REAL_DATA="${TARN_REAL_DATA:-}" \
    ASAN_OPTIONS=verify_asan_link_order=0:allocator_may_return_null=1 \
    UBSAN_OPTIONS=print_stacktrace=1 "$@"
}

# Copies the result lines of a program that prints them ($3 = its output, $2 = its exit status).
take_lines() {
  local name=$1 status=$2 log=$3 lines
  lines=$(grep -cE '^(ok|not ok|skip) ' "$log")
  while IFS= read -r line; do
    case $line in
      "not ok "*) not_ok "$name: $(sed -E 's/^not ok ([^:]*).*/\1/' <<<"$line")" \
        "$(sed -E 's/^not ok [^:]*:? ?//' <<<"$line")" "$log" ;;
      "ok "*) result "ok $name: ${line#ok }" ;;
      "skip "*) result "skip $name: ${line#skip }" ;;
    esac
  done < <(grep -E '^(ok|not ok|skip) ' "$log")
  if [ "$lines" = 0 ]; then
    not_ok "$name" "reported nothing, $(how_ended "$status")" "$log"
  elif [ "$status" != 0 ] && ! grep -q '^not ok ' "$log"; then
    not_ok "$name" "$(how_ended "$status")" "$log"
  fi
}

# unit, and the C half of fault: cmocka programs, one result per test function.
case_program() {
  local suite=$1 source=$2 name program dir log status planned seen tmp
  name=$(basename "$source" .c)
  program=$top/$BUILD/${source%.c}
  dir=$out/$suite/$name
  log=$dir/log
  fresh "$dir"
  [ -x "$program" ] || { not_ok "$suite/$name" "was not built"; return; }
  # A short path, apart from the logs: names of sockets and error messages have limits.
  tmp=$(mktemp -d -t tarn-XXXXXX)
  (cd "$tmp" && clean_env "$tmp" CMOCKA_MESSAGE_OUTPUT=TAP \
    timeout "${LIMIT:-240}" "$program" >"$dir/out" 2>"$log" </dev/null)
  status=$?
  rm -rf "$tmp"
  cat "$dir/out" >>"$log"
  planned=$(sed -nE 's/^1\.\.([0-9]+).*/\1/p' "$dir/out" | awk '{n += $1} END {print n}')
  seen=$(grep -cE '^(not )?ok [0-9]+ (- |# SKIP)' "$dir/out")
  while read -r line; do
    case $line in
      *"# SKIP"*) result "skip $suite/$name: ${line#*# SKIP }" ;;
      ok*) result "ok $suite/$name: ${line#*- }" ;;
      not*) not_ok "$suite/$name: ${line#*- }" "failed" "$log" ;;
    esac
  done < <(grep -E '^(not )?ok [0-9]+ (- |# SKIP)' "$dir/out")
  if [ "$seen" = 0 ] || [ "$seen" != "${planned:-0}" ]; then
    not_ok "$suite/$name" "$seen of ${planned:-0} tests reported, $(how_ended $status)" "$log"
  elif [ $status != 0 ] && ! grep -q '^not ok ' "$dir/out"; then
    not_ok "$suite/$name" "$(how_ended $status)" "$log"
  fi
}

# Runs one SQL file through the shell with the extension loaded; prints what the user would see.
# Folder names differ from run to run, so the test's own folder is printed as DIR.
run_sql() {
  local sql=$1 dir=$2 preload=
  fresh "$dir"
  [ -z "$SAN" ] || preload=$(gcc -print-file-name=libasan.so)
  (cd "$dir" && clean_env "$dir" ${preload:+LD_PRELOAD="$preload"} timeout "${LIMIT:-120}" \
    stdbuf -oL "$SQLITE3" -batch -init /dev/null -cmd ".load $top/$BUILD/tarn" test.db \
    <"$sql" >"$dir.raw" 2>&1)
  local status=$?
  sed "s|$dir|DIR|g" "$dir.raw" >"$dir.out"
  return $status
}

case_sql() {
  local suite=$1 source=$2 name dir want status
  name=$(basename "$source" .sql)
  dir=$out/$suite/$name
  want=${source%.sql}.out
  [ "$suite" != newer ] || [ ! -e "${source%.sql}.newer.out" ] || want=${source%.sql}.newer.out
  mkdir -p "$out/$suite"
  run_sql "$top/$source" "$dir"
  status=$?
  if [ $status -ge 124 ]; then
    not_ok "$suite/$name" "$(how_ended $status)" "$dir.out"
  elif [ ! -s "$want" ]; then
    not_ok "$suite/$name" "no $want to compare with (tests/run.sh --golden $name writes it)" "$dir.out"
  elif [ ! -s "$dir.out" ]; then
    not_ok "$suite/$name" "printed nothing"
  elif diff -u --label expected --label found "$want" "$dir.out" >"$dir.diff"; then
    result "ok $suite/$name"
    rm -rf "$dir"
  else
    TAIL=60 not_ok "$suite/$name" "prints something else" "$dir.diff"
  fi
}

# What differs from run to run in an example's output: times, and the digests of bookmarks.
masked() {
  sed -E -e 's/([0-9a-f]{8}-[0-9a-f]{16})-[0-9a-f]{12}-[0-9a-f]{16}/\1-TIME-DIGEST/g' \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}[:-][0-9]{2}(:[0-9]{2}\.[0-9]{3}Z?)?/TIME/g' "$1"
}

# Examples are run as a reader would, and stop at any error. Status 77: what it needs is not here.
# With a golden file beside it (cdc.out for cdc.c and cdc.py), what it prints is compared too.
case_example() {
  local suite=$1 source=$2 name dir status command want=${2%.*}.out
  name=$(basename "$source")
  dir=$out/$suite/$name
  fresh "$dir"
  case $name in
    *.sql) command=(bash "$top/examples/run.sh" "${name%.sql}") ;;
    *.sh) command=(bash "$top/$source") ;;
    *.py) command=(/usr/bin/python3 "$top/$source" "$top/$BUILD/tarn") ;;
    *) command=("$top/$BUILD/${source%.c}") ;;
  esac
  (cd "$dir" && clean_env "$dir" OUT="$dir" timeout "${LIMIT:-120}" "${command[@]}" >"$dir.log" 2>&1 </dev/null)
  status=$?
  if [ $status = 77 ]; then result "skip $suite/$name: $(head -n 1 "$dir.log")"
  elif [ $status != 0 ]; then not_ok "$suite/$name" "$(how_ended $status)" "$dir.log"
  elif [ ! -s "$dir.log" ]; then not_ok "$suite/$name" "printed nothing"
  elif [ -e "$want" ] && ! masked "$dir.log" | diff -u --label expected --label found "$want" - >"$dir.diff"; then
    TAIL=60 not_ok "$suite/$name" "prints something else" "$dir.diff"
  else result "ok $suite/$name"; fi
}

# Scripts that print result lines themselves: interop, s3, tui, and the other half of fault.
case_script() {
  local suite=$1 source=$2 name dir status
  name=$suite/$(basename "${source%.*}")
  dir=$out/$name
  fresh "$dir"
  case $source in
    *.mjs) (cd "$dir" && clean_env "$dir" timeout "${LIMIT:-300}" "$top/build/interop/node" \
      "$top/build/interop/$(basename "$source")" >"$dir.log" 2>&1 </dev/null) ;;
    *) (cd "$dir" && clean_env "$dir" timeout "${LIMIT:-300}" bash "$top/$source" \
      >"$dir.log" 2>&1 </dev/null) ;;
  esac
  status=$?
  take_lines "$name" $status "$dir.log"
}

case_fuzz() {
  local name dir=$top/$BUILD/corpus crashes=$top/$BUILD/crashes status
  name=$(basename "$2" .c)
  mkdir -p "$dir/$name" "$crashes" "$out"
  [ -x "$BUILD/tests/fuzz/$name" ] || { not_ok "fuzz/$name" "was not built"; return; }
  "$BUILD/tests/fuzz/seeds" "${name#fuzz_}" "$dir/$name" >"$out/$name.log" 2>&1 ||
    { not_ok "fuzz/$name" "its seeds could not be written" "$out/$name.log"; return; }
  case $name in
    fuzz_footer | fuzz_filescan | fuzz_nested) # DuckDB's files too, where it is installed
      [ ! -x build/interop/node ] || { cp tests/interop/*.mjs tests/fuzz/*.mjs build/interop/ &&
        build/interop/node build/interop/seeds_duckdb.mjs "$dir/$name"; } >>"$out/$name.log" 2>&1 ||
        { not_ok "fuzz/$name" "DuckDB's seeds could not be written" "$out/$name.log"; return; } ;;
  esac
  "$BUILD/tests/fuzz/$name" -max_total_time="${SECONDS_EACH:-60}" -rss_limit_mb=512 -timeout=10 \
    -print_final_stats=1 -artifact_prefix="$crashes/$name-" "$dir/$name" \
    $(find tests/fuzz/found/"$name" -maxdepth 0 2>/dev/null) >"$out/$name.log" 2>&1 </dev/null
  status=$?
  if [ $status = 0 ]; then
    result "ok fuzz/$name: $(sed -nE 's/^stat::number_of_executed_units: *([0-9]+)/\1 runs/p' "$out/$name.log")"
  else
    TAIL=40 not_ok "fuzz/$name" "$(how_ended $status); the input is in $BUILD/crashes" "$out/$name.log"
  fi
}

# The same inputs without libFuzzer: seeds, what once found a bug, and a second of random damage.
case_replay() {
  local name dir=$top/$BUILD/seeds status found
  name=$(basename "$2" .c)
  name=${name#fuzz_}
  fresh "$dir/$name"
  mkdir -p "$out/replay"
  [ -x "$BUILD/tests/fuzz/replay_$name" ] || { not_ok "replay/$name" "was not built"; return; }
  "$BUILD/tests/fuzz/seeds" "$name" "$dir/$name" >"$out/replay/$name" 2>&1 ||
    { not_ok "replay/$name" "its seeds could not be written" "$out/replay/$name"; return; }
  found=$(find tests/fuzz/found/fuzz_"$name" -maxdepth 0 2>/dev/null)
  timeout 60 "$BUILD/tests/fuzz/replay_$name" 1000 "$out/replay/$name.input" "$dir/$name" $found \
    >"$out/replay/$name" 2>&1 </dev/null
  status=$?
  if [ $status = 0 ]; then
    result "ok replay/$name: $(tail -n 1 "$out/replay/$name")"
  else
    not_ok "replay/$name" "$(how_ended $status); the input is $BUILD/test/replay/$name.input" "$out/replay/$name"
  fi
}

each() { # KIND SUITE FILE...: the cases of a suite, $jobs at a time
  local kind=$1 suite=$2
  shift 2
  [ $# -gt 0 ] || { not_ok "$suite" "has no case"; return; }
  printf '%s\0' "$@" | xargs -0 -n 1 -P "$jobs" bash tests/run.sh --case "$kind" "$suite"
  # 123: a case's own status, which its lines tell. More: a case was killed, and others left out.
  [ $? -le 123 ] || not_ok "$suite" "was ended from outside before all its cases had run"
}

suite() {
  shopt -s nullglob
  local examples
  case $1 in
    sql | newer | examples | interop | s3 | tui)
      [ -e "$BUILD/tarn.so" ] || { not_ok "$1" "$BUILD/tarn.so was not built"; return; } ;;
  esac
  case $1 in
    unit) each program unit tests/unit/test_*.c ;;
    sql) each sql sql tests/sql/*.sql ;;
    examples)
      mapfile -t examples < <(printf '%s\n' examples/*.{sql,c,py,sh} | grep -v '/run\.sh$')
      each example examples "${examples[@]}" ;;
    newer)
      # SQLite's own words and layout may change between versions; where they do, the lines stand
      # in NAME.newer.out.
      tests/setup.sh newer || { not_ok newer "the newer SQLite could not be set up"; return; }
      SQLITE3=$top/build/newer/sqlite3 each sql newer tests/sql/*.sql ;;
    interop | s3 | tui)
      if [ "$1" != tui ]; then
        tests/setup.sh interop || { not_ok "$1" "node and its packages could not be set up"; return; }
        cp tests/interop/*.mjs tests/s3/*.mjs build/interop/
      fi
      each script "$1" tests/"$1"/test_*.{mjs,sh} ;;
    fault)
      [ -z "$(echo tests/fault/test_*.c)" ] || each program fault tests/fault/test_*.c
      [ -z "$(echo tests/fault/*.sh)" ] || each script fault tests/fault/*.sh
      [ -n "$(echo tests/fault/test_*.c tests/fault/*.sh)" ] || not_ok fault "has no case" ;;
    lint) LIMIT=300 each script lint tests/lint.sh ;;
    fuzz) each fuzz fuzz tests/fuzz/fuzz_*.c ;;
    replay) each replay replay tests/fuzz/fuzz_*.c ;;
    *) not_ok "$1" "is no suite" ;;
  esac
}

bench() {
  shopt -s nullglob
  local file status=0
  tests/setup.sh interop || return 1
  for file in tests/bench/bench_*.c; do
    echo "== ${file#tests/bench/}"
    "$BUILD/${file%.c}" || status=1
  done
  for file in tests/bench/bench_*.sh; do
    echo "== ${file#tests/bench/}"
    BUILD=$top/$BUILD TOP=$top bash "$file" || status=1
  done
  return $status
}

golden() {
  local name status
  for name in "$@"; do
    run_sql "$top/tests/sql/$name.sql" "$out/golden/$name"
    status=$?
    [ $status -lt 124 ] || { echo "$name: $(how_ended $status)" >&2; return 1; }
    cp "$out/golden/$name.out" "tests/sql/$name.out"
    echo "tests/sql/$name.out: $(wc -l <"tests/sql/$name.out") lines; read them before you commit them"
  done
}

build() { # what the suites need; what fails to compile fails here, the rest goes on
  local targets=() suite
  for suite in "$@"; do
    case $suite in
      unit) targets+=(unit-programs) ;;
      fault) targets+=(all fault-programs) ;;
      fuzz) targets+=(fuzz-programs) ;;
      replay) targets+=(replay-programs) ;;
      bench) targets+=(all bench-programs) ;;
      lint) ;;
      *) targets+=(all) ;;
    esac
    [ "$suite" != examples ] || targets+=(programs)
  done
  [ ${#targets[@]} -gt 0 ] || return 0
  # A make of its own, with its own jobs, not a part of the one that called this script.
  env -u MAKELEVEL -u MAKEFLAGS -u MFLAGS make -s -k WERROR="$([ -n "$SAN" ] || echo -Werror)" \
    $(printf '%s\n' "${targets[@]}" | sort -u) || not_ok build "see the compiler's messages above"
}

main() {
  local with_build= name before started failed passed skipped
  if [ "$1" = --build ]; then with_build=1; shift; fi
  mkdir -p "$out"
  : >"$results"
  : >"$results.failures"
  [ -z "$with_build" ] || build "$@"
  if [ "$*" = bench ]; then bench; exit; fi
  for name in "$@"; do
    before=$(wc -l <"$results")
    started=$(date +%s%N)
    suite "$name"
    tail -n +$((before + 1)) "$results" | awk -v name="$name" -v ms=$((($(date +%s%N) - started) / 1000000)) '
      /^ok /{ok++} /^not ok /{bad++} /^skip /{skip++}
      END {printf "%-9s %4d passed, %d failed%s  (%.1f s)\n", name, ok, bad,
           skip ? ", " skip " SKIPPED" : "", ms / 1000}'
  done
  cat "$results.failures"
  grep -E '^skip ' "$results" | sed 's/^skip /SKIPPED: /'
  passed=$(grep -c '^ok ' "$results")
  failed=$(grep -c '^not ok ' "$results")
  skipped=$(grep -c '^skip ' "$results")
  [ "$failed" = 0 ] || grep '^not ok ' "$results"
  echo "$passed passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

case ${1-} in
  --case) "case_$2" "$3" "$4" ;;
  --golden) shift; mkdir -p "$out/golden"; golden "$@" ;;
  "") echo "usage: tests/run.sh [--build] SUITE... (see the head of this file)" >&2; exit 2 ;;
  *) main "$@" ;;
esac
