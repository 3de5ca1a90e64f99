#!/usr/bin/env bash
# Runs one example with the sqlite3 shell:
#
#   examples/run.sh spec_queries          examples/spec_queries.sql
#   examples/run.sh wikipedia [FOLDER]    examples/real/wikipedia.sql, over the files in FOLDER
#
# The example works in build/examples/NAME (emptied first): NAME.db is the database, NAME.db-lake the
# lake that Tarn made beside it. Both stay, for you to go on with.
#
# The real-data examples read FOLDER, or $TARN_REAL_DATA; examples/README.md says what lies there and
# where it comes from. Without it they stop with status 77.
# Also: BUILD (the folder with tarn.so, default build), SQLITE3 (the shell), OUT (the folder to work in).
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$top/build}
shell=${SQLITE3:-sqlite3}

die() { printf '%s\n' "$1" >&2; exit "${2:-1}"; }
absolute() { (cd "$1" && pwd); }

name=${1-}
script=$top/examples/$name.sql
real=
if [ -z "$name" ] || [ ! -e "$script" ]; then
  script=$top/examples/real/$name.sql
  real=yes
fi
if [ -z "$name" ] || [ ! -e "$script" ]; then
  die "usage: examples/run.sh NAME [FOLDER], where NAME is one of: $(
    cd "$top/examples" && printf '%s\n' ./*.sql real/*.sql | sed -E 's|.*/||; s|\.sql$||' | sort | paste -sd' ')"
fi
[ -e "$build/tarn.so" ] || die "build/tarn.so is missing: run make first"
build=$(absolute "$build")

options=(-batch -bail -init /dev/null)
if [ -n "$real" ]; then
  data=${2:-${TARN_REAL_DATA:-$top/../shared/data/real}}
  [ -d "$data" ] || die "SKIPPED: $name needs its data, and there is no folder $data. \
Name it: examples/run.sh $name FOLDER, or TARN_REAL_DATA=FOLDER. examples/README.md says what it holds." 77
  data=$(absolute "$data")
  case $data in *[\"\'\\]*) die "the folder's name holds a quote or a backslash: $data" ;; esac
  options+=(-cmd ".parameter set :data \"'$data'\"")
fi

out=${OUT:-$top/build/examples/$name}
mkdir -p "$out"
cd "$out"
rm -rf "$name.db" "$name.db"-*
ln -sfn "$build" build
"$shell" "${options[@]}" "$name.db" <"$script"
if [ -t 1 ]; then
  printf '\nTo go on: cd %s && %s -cmd ".load build/tarn" %s.db\n' "$PWD" "$shell" "$name"
fi
