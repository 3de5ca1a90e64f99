#!/usr/bin/env bash
# A lake from what this machine already has, shown step by step. Run by `make demo`; seconds.
#
# The input is the first of these that exists: the commits of this repository, Debian's package log,
# the names and times of the files under /usr/share/doc. The database and the lake are made in
# build/demo, which is emptied first; they stay, to go on with.
# BUILD is the folder with tarn.so (default build), SQLITE3 the shell.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${BUILD:-$top/build}" && pwd)
shell=${SQLITE3:-sqlite3}
dir=$top/build/demo
lake=$dir/demo.db-lake

step() { printf '\n== %s\n' "$1"; }
sql() { "$shell" -batch -bail -init /dev/null -cmd ".load build/tarn" "$@"; }

[ -e "$build/tarn.so" ] || { echo "build/tarn.so is missing: run make first" >&2; exit 1; }
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
ln -s "$build" build

# Every input becomes tab-separated lines: local time, type, source, url, text.
git_log() {
  git -C "$top" log --no-merges --no-renames --reverse --name-only --date=format-local:'%F %T' \
    --pretty='format:%x01%cd%x09%an%x09%h%x09%s' | awk -F '\t' -v OFS='\t' '
      /^\001/ { sub(/^\001/, ""); at = $1; who = $2; what = $4
                print at, "git.commit", who, $3, what; next }
      NF { print at, "git.change", who, $0, what }'
}
dpkg_log() { # 2026-02-02 14:00:05 install htop:amd64 <none> 3.2.2-2, or … status installed htop:amd64 3.2.2-2
  awk -v OFS='\t' 'NF >= 5 {
    what = $3 == "status" ? $3 "." $4 : $3
    print $1 " " $2, "dpkg." what, "dpkg", $3 == "status" ? $5 : $4, $0 }' /var/log/dpkg.log
}
doc_files() {
  find /usr/share/doc -maxdepth 2 -type f \
    -printf '%TY-%Tm-%Td %TH:%TM:%TS\tfile.change\t%h\t%p\t%s bytes\n' |
    sed 's|\t/usr/share/doc/|\t|'
}

if [ "$(git -C "$top" rev-parse --show-toplevel 2>/dev/null)" = "$top" ] &&
  git_log >input.tsv 2>/dev/null && [ "$(wc -l <input.tsv)" -ge 20 ]; then
  what="the commits of this repository: one event per commit and one per file it changed"
elif [ -r /var/log/dpkg.log ] && dpkg_log >input.tsv && [ -s input.tsv ]; then
  what="/var/log/dpkg.log: what the package manager did on this machine"
elif doc_files >input.tsv && [ -s input.tsv ]; then
  what="the files under /usr/share/doc: one event for the last change of each"
else
  echo "This machine has none of the demo's inputs: git history, /var/log/dpkg.log, /usr/share/doc." >&2
  exit 1
fi

step "The input is $what."
echo "$(wc -l <input.tsv) lines. The first two:"
head -n 2 input.tsv | cut -c1-100

step "An ordinary SQLite database; Tarn is loaded into it; the lines are inserted as events."
cat <<'SQL'
    INSERT INTO events (ts, type, source, url, payload)
    SELECT datetime(at, 'utc'), type, source, url, json_object('text', text) FROM input;
SQL
sql demo.db <<'SQL'
CREATE TABLE input (at TEXT, type TEXT, source TEXT, url TEXT, text TEXT);
.mode ascii
.separator "\t" "\n"
.import input.tsv input
.mode list
BEGIN;
INSERT INTO events (ts, type, source, url, payload)
SELECT datetime(at, 'utc'), type, source, url, json_object('text', text) FROM input;
COMMIT;
SELECT 'Committed: ' || count(*) || ' events, which can be read at once.' FROM events;
SELECT 'tarn_flush() wrote what the background thread had not written yet: ' || tarn_flush();
SQL

step "Now SQLite reads them from the lake. What happens most?"
sql -box demo.db "SELECT type, count(*) AS events, min(ts) AS first, max(ts) AS last
  FROM events GROUP BY type ORDER BY events DESC, type LIMIT 8"

step "Which days were the busiest?"
sql -box demo.db "SELECT date_trunc('day', ts) AS day, count(*) AS events, count(DISTINCT type) AS kinds
  FROM events GROUP BY day ORDER BY events DESC, day LIMIT 5"

step "What was touched most often?"
sql -box demo.db "SELECT url, count(*) AS times, count(DISTINCT date_trunc('day', ts)) AS days, max(ts) AS last
  FROM events WHERE url IS NOT NULL GROUP BY url ORDER BY times DESC, url LIMIT 5"

step "The newest three events. Only the newest file is opened for this."
sql -box demo.db "SELECT ts, type, url, substr(payload ->> '\$.text', 1, 50) AS text
  FROM events ORDER BY ts DESC LIMIT 3"

step "Tables of your own: tracked once, every committed change of them goes to the lake too."
cat <<'SQL'
    SELECT tarn_track('kinds');
    INSERT INTO kinds SELECT type, count(*) FROM events GROUP BY type;
    BEGIN;  DELETE FROM kinds;  ROLLBACK;     -- never happened
    UPDATE kinds SET events = 0 WHERE type = (SELECT min(type) FROM kinds);
SQL
sql -box demo.db <<'SQL'
CREATE TABLE kinds (type TEXT PRIMARY KEY, events INTEGER);
.output /dev/null
SELECT tarn_track('kinds');
.output
INSERT INTO kinds SELECT type, count(*) FROM events GROUP BY type;
BEGIN; DELETE FROM kinds; ROLLBACK;
UPDATE kinds SET events = 0 WHERE type = (SELECT min(type) FROM kinds);
SELECT op, pk, data, prev FROM cdc_kinds ORDER BY bookmark DESC LIMIT 4;
.output /dev/null
SELECT tarn_flush();
SQL

step "The lake is a folder of Parquet files: one per hour that has events; changes are in cdc/."
find demo.db-lake -name '*.parquet' | sort >files
head -n 2 files
tail -n 2 files
echo "$(wc -l <files) Parquet files, $(du -sk demo.db-lake | cut -f1) KB in all"

step "Other engines read the same files as they are."
node=$top/build/interop/node
[ -x "$node" ] || node=$(command -v node || true)
modules=$top/build/interop/node_modules
if [ -n "$node" ] && [ -d "$modules/@duckdb/node-api" ]; then
  ours=$(sql demo.db "SELECT count(*) || ' events, ' || count(DISTINCT type) || ' types' FROM events")
  cat >duckdb.mjs <<'JS'
import { createRequire } from 'node:module';
const { DuckDBInstance } = createRequire(process.argv[2] + '/')('@duckdb/node-api');
const db = await (await DuckDBInstance.create(':memory:')).connect();
const sql = `SELECT count(*) || ' events, ' || count(DISTINCT type) || ' types'
             FROM read_parquet('${process.argv[3].replaceAll("'", "''")}/events/**/*.parquet')`;
console.log((await db.runAndReadAll(sql)).getRows()[0][0]);
JS
  theirs=$("$node" duckdb.mjs "$modules" "$lake")
  echo "DuckDB finds $theirs; Tarn $ours."
  [ "$ours" = "$theirs" ] || { echo "They differ: that is a bug, please report it." >&2; exit 1; }
else
  echo "DuckDB is not installed here. tests/setup.sh interop installs it into build/interop;"
  echo "then this step counts the events of the same files with it."
fi

printf '\nThe database and its lake are in build/demo. To go on:\n'
echo "    cd build/demo && $shell -cmd '.load ../tarn' demo.db"
