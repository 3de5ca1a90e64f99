#!/usr/bin/env bash
# Rules that a machine can check. Each check prints `ok NAME` or `not ok NAME: how many`, with the
# places above it; they run side by side. Run it through `make lint`.
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C.UTF-8
shopt -s nullglob
jobs=$(nproc)
library=(ext/*.c ext/*/*.c vfs/*.c)
headers=(ext/*.h ext/*/*.h vfs/*.h tui/*.h include/*.h)
console=(tui/*.c)
tests=(tests/*/*.c examples/*.c)
all=("${library[@]}" "${headers[@]}" "${console[@]}" "${tests[@]}" tests/*/*.h)

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  mapfile -t tracked < <(git ls-files -co --exclude-standard | sort -u | while read -r f; do
    [ -f "$f" ] && echo "$f"; done)
else
  mapfile -t tracked < <(find . -path ./build -prune -o -type f -print | sed 's|^\./||')
fi

includes=()
for dir in ext/base ext/parquet ext/lake ext/cdc ext/sql vfs tui include tests/unit; do
  includes+=("-I$dir")
done
flags=(-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wconversion -Wvla -Werror "${includes[@]}"
  $(pkg-config --cflags sqlite3 libzstd jansson ncursesw 2>/dev/null))

# Prints the verdict on a list of places read from standard input.
verdict() {
  local places
  places=$(cat)
  if [ -z "$places" ]; then
    echo "ok $1"
  else
    echo "$places" | head -n 40
    echo "not ok $1: $(wc -l <<<"$places") places"
  fi
}

# Comments blanked out, line numbers kept.
code_of() {
  awk '{
    line = $0; kept = ""
    while (line != "") {
      if (inside) {
        at = index(line, "*/")
        if (!at) break
        line = substr(line, at + 2); inside = 0
      } else {
        at = index(line, "/*")
        slashes = match(line, /(^|[^:"])\/\//)
        if (slashes && (!at || slashes < at)) { kept = kept substr(line, 1, slashes); break }
        if (!at) { kept = kept line; break }
        kept = kept substr(line, 1, at - 1); line = substr(line, at + 2); inside = 1
      }
    }
    print kept
  }' "$1"
}

check_format() {
  printf '%s\n' "${all[@]}" | xargs -r -P "$jobs" -n 8 clang-format --dry-run -Werror 2>&1 |
    grep -E 'error:' | sed -E 's/: error:.*//' | verdict format
}

# A compiler's warnings over every file, and every header alone.
check_compiler() {
  local cc=$1
  {
    printf '%s\0' "${library[@]}" "${console[@]}" "${tests[@]}" |
      xargs -0 -r -P "$jobs" -n 4 "$cc" -fsyntax-only "${flags[@]}"
    printf '%s\0' "${library[@]}" | xargs -0 -r -P "$jobs" -n 4 "$cc" -fsyntax-only -DSQLITE_CORE "${flags[@]}"
    # Included twice: its guard works too. Inline functions of a header may be unused here.
    printf '%s\0' "${headers[@]}" | xargs -0 -r -P "$jobs" -I{} sh -c \
      'printf "#include \"%s\"\n#include \"%s\"\n" "$0" "$0" | "$@" -x c - 2>&1 || echo "$0: error: does not compile alone"' \
      {} "$cc" -fsyntax-only -I. "${flags[@]}" -Wno-unused-function
  } 2>&1 | grep -E ': (fatal )?error' | sort -u | verdict "$cc"
}

# Which layer may include which: every line names a layer and those below it.
layers="
ext/base      ext/base
ext/parquet   ext/base ext/parquet
vfs           ext/base vfs
ext/lake      ext/base ext/parquet vfs ext/lake
ext/cdc       ext/base ext/parquet vfs ext/lake ext/cdc include
ext/sql       ext/base ext/parquet vfs ext/lake ext/cdc ext/sql include
ext           ext/base ext/parquet vfs ext/lake ext/cdc ext/sql ext include
tui           tui include
include       include"

check_layers() {
  local file name line home layer allowed
  declare -A where=()
  for file in "${headers[@]}"; do where[$(basename "$file")]=$(dirname "$file"); done
  while read -r layer allowed; do
    [ -n "$layer" ] || continue
    for file in "$layer"/*.[ch]; do
      while IFS=: read -r line name; do
        home=${where[$name]-}
        if [ -z "$home" ]; then
          case $name in sqlite3.h | sqlite3ext.h) ;; *) echo "$file:$line: no header named $name" ;; esac
        elif [[ " $allowed " != *" $home "* ]]; then
          echo "$file:$line: $layer must not include $name of $home"
        fi
      done < <(sed -nE 's/^ *# *include *"([^"]*)".*/\1/p;t;s/.*//p' "$file" | grep -n . )
      case $layer in
        ext/base | ext/parquet | vfs)
          # In vfs/, only the SQLite VFS itself knows SQLite: the stores serve the layers below it.
          [[ $(basename "$file") =~ (sqlite|vfs) ]] ||
            grep -nHE '^ *# *include.*sqlite3(ext)?\.h' "$file" ;;
      esac
    done
  done <<<"$layers" | verdict layers
}

check_names() {
  printf '%s\n' "${all[@]}" | awk -F/ '{n[$NF]++; at[$NF] = at[$NF] " " $0}
    END {for (f in n) if (n[f] > 1) print f ":" at[f]}' | verdict "unique file names"
}

check_banned() {
  local file pattern
  for file in "${all[@]}"; do
    pattern='strcpy|strcat|sprintf|vsprintf|strtok|gets|alloca|tmpnam|mktemp'
    case $file in
      ext/* | vfs/*)
        pattern+='|atoi|atol|atof|system|popen|printf|vprintf|puts|putchar|fprintf|perror|exit|abort'
        [ "$file" = ext/base/mem.c ] || pattern+='|malloc|calloc|realloc|free|strdup|strndup' ;;
    esac
    # A member of that name, as in v->free(x), is somebody's own.
    code_of "$file" | sed -E 's/"([^"\\]|\\.)*"/""/g' |
      grep -nE "(^|[^A-Za-z0-9_.>])($pattern) *\(" | sed "s|^|$file:|"
  done | verdict "banned functions"
}

check_sizes() {
  local file
  for file in "${all[@]}"; do
    awk -v file="$file" '
      /^[A-Za-z_].*[^;]$|^[A-Za-z_].*\($/ && !inside && !/[=] *\{$/ && !/^(struct|union|enum|typedef)[^(]*\{$/ {start = FNR}
      /^\}/ && inside { if (FNR - start + 1 > 70) print file ":" start ": a function of " FNR - start + 1 " lines"; inside = 0; start = 0 }
      /\{$/ && start && !inside && !/^[ \t].*(=|struct|union|enum)[^(]*\{$/ {inside = 1}
      /;$/ && !inside {start = 0}
      END {if (FNR > 800) print file ": " FNR " lines"}' "$file"
  done | verdict sizes
}

check_text() { # what no file of the project may say
  {
    printf '%s\0' "${tracked[@]}" | xargs -0 -r grep -nHIE \
      '(registry|deb|archive|security)[.](npm|yarn|debian|ubuntu)|"resolved" *:|/[w]ork/|/[f]arm/|/home/[a-z]+/|/[r]oot/|/tmp/[s]tudio'
    printf '%s\n' "${tracked[@]}" | grep -E '[.](c|h|sh|mjs|md|json)$|Makefile$' | tr '\n' '\0' |
      xargs -0 -r grep -nHE '[[:blank:]]+$'
    printf '%s\n' "${tracked[@]}" | grep -E '[.](c|h|sh|mjs)$|Makefile$' | tr '\n' '\0' |
      xargs -0 -r grep -nHE '\b(T[O]DO|F[I]XME|X[X]X)\b'
    printf '%s\n' "${tracked[@]}" | cut -d/ -f1 | sort -u |
      grep -vxE 'Makefile|ext|vfs|tui|include|tests|examples|README\.md|LICENSE|\..*' | sed 's/$/: not for the top level/'
  } | cut -c1-160 | verdict text
}

check_exports() { # nothing but the entry points and what include/tarn.h declares
  local so=build/tarn.so name
  [ -e "$so" ] || { echo "skip exports: $so is not built"; return; }
  nm -D --defined-only "$so" | awk '$2 ~ /[A-Z]/ {print $3}' | while read -r name; do
    case $name in
      sqlite3_*_init) ;;
      *) grep -qE "\b$name *\(" include/tarn.h 2>/dev/null || echo "$so exports $name" ;;
    esac
  done | verdict exports
}

check_folders() {
  for dir in ext/*/ vfs/ tui/ tests/ tests/interop/; do
    [ -s "${dir}README.md" ] || echo "${dir}README.md is missing"
  done | verdict "folder pages"
}

check_scripts() { # bash -n: syntax only
  for file in tests/*.sh tests/*/*.sh .ci/run; do
    bash -n "$file" 2>&1
    [ -x "$file" ] || echo "$file: not executable"
  done | verdict scripts
}

for check in format "compiler gcc" "compiler clang" layers names banned sizes text exports folders scripts; do
  # shellcheck disable=SC2086 # a check and its argument
  { out=$(check_$check 2>&1); printf '%s\n' "$out"; } &
done
wait
