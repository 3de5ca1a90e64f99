#!/usr/bin/env bash
# Installs what a step needs and is not there; quiet when nothing is missing.
#
#   tests/setup.sh build     compiler, libraries, the sqlite3 shell        (Debian packages)
#   tests/setup.sh test      the same, and what the suites need            (Debian packages)
#   tests/setup.sh interop   build/interop: node 20+, DuckDB and two more readers of Parquet (npm)
#   tests/setup.sh newer     build/newer/sqlite3: the shell of SQLite 3.52.0, from source   (npm)
#
# Never reads standard input. npm packages never run their install scripts.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian package, and how to see that it is there: a command, a pkg-config name, or a header.
build_packages="
gcc              command=gcc
make             command=make
pkg-config       command=pkg-config
libc6-dev        header=stdio.h
libsqlite3-dev   lib=sqlite3
sqlite3          command=sqlite3
libzstd-dev      lib=libzstd
libsnappy-dev    lib=snappy
zlib1g-dev       lib=zlib
liblz4-dev       lib=liblz4
libbrotli-dev    lib=libbrotlidec
libjansson-dev   lib=jansson
libssl-dev       lib=libcrypto
libcurl4-openssl-dev lib=libcurl
libexpat1-dev    lib=expat
libncurses-dev   lib=ncursesw
ca-certificates  file=/etc/ssl/certs/ca-certificates.crt"
test_packages="
clang            command=clang
python3          file=/usr/bin/python3
clang-format     command=clang-format
libcmocka-dev    lib=cmocka
nodejs           command=node
npm              command=npm
faketime         command=faketime
tmux             command=tmux"

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

present() {
  local value=${1#*=}
  case $1 in
    command=*) command -v "$value" >/dev/null ;;
    lib=*) pkg-config --exists "$value" 2>/dev/null ;;
    header=*) printf '#include <%s>\n' "$value" | gcc -E -x c - >/dev/null 2>&1 ;;
    file=*) [ -e "$value" ] ;;
  esac
}

missing() { # reads "package test" lines, prints the packages whose test fails
  local package how
  while read -r package how; do
    [ -z "$package" ] || present "$how" || printf '%s ' "$package"
  done
}

apt() { # apt PACKAGE...: as root, through sudo, or a message that says what to do
  local as_root=() log
  command -v apt-get >/dev/null ||
    die "missing: $*. There is no apt-get here: install what these Debian packages hold, then try again"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "missing: $*. Run as root: apt-get install $*"
    if [ -t 0 ]; then as_root=(sudo); else as_root=(sudo -n); fi
    "${as_root[@]}" true 2>/dev/null || die "missing: $*. sudo was refused; run: sudo apt-get install $*"
  fi
  say "installing with apt-get: $*"
  log=$(mktemp)
  install_now() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
      install --no-install-recommends "$@" >"$log" 2>&1 </dev/null
  }
  if ! install_now "$@"; then
    "${as_root[@]}" apt-get -q update >>"$log" 2>&1 </dev/null || true
    install_now "$@" || { tail -n 20 "$log" >&2; rm -f "$log"; die "apt-get could not install: $*"; }
  fi
  rm -f "$log"
}

debian() {
  local want
  want=$(missing <<<"$1")
  # shellcheck disable=SC2086 # one word per package
  [ -z "$want" ] || apt $want
  want=$(missing <<<"$1")
  [ -z "$want" ] || die "still missing after the installation: $want"
}

sanitizers() { # clang's runtime is a package of its own, named after its version
  [ -e "$(clang -print-file-name=libclang_rt.fuzzer-"$(uname -m)".a)" ] ||
    [ -e "$(clang -print-runtime-dir 2>/dev/null)/libclang_rt.fuzzer.a" ] ||
    apt "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

npm_quiet() { # npm ARGUMENTS: its output only when it fails
  local log
  log=$(mktemp)
  npm "$@" >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; rm -f "$log"; return 1; }
  rm -f "$log"
}

node_20() { # leaves build/interop/node, at least version 20
  local arch version=22.22.3
  [ ! -x build/interop/node ] || return 0
  if [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then
    ln -sf "$(command -v node)" build/interop/node
    return
  fi
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) die "node is $(node --version) and must be 20 or newer on $(uname -m)" ;;
  esac
  say "node is $(node --version), too old for DuckDB: installing node-linux-$arch@$version from npm"
  npm_quiet install --prefix build/node --no-save --ignore-scripts "node-linux-$arch@$version" ||
    die "npm could not install node-linux-$arch@$version"
  ln -sf "$PWD/build/node/node_modules/node-linux-$arch/bin/node" build/interop/node
}

interop() {
  debian "nodejs command=node
npm command=npm"
  mkdir -p build/interop
  node_20
  cmp -s tests/interop/package-lock.json build/interop/installed && return
  say "installing the readers of tests/interop/package.json with npm"
  rm -f build/interop/installed
  cp tests/interop/package.json tests/interop/package-lock.json tests/interop/.npmrc build/interop/
  # Not `npm ci`: it refuses a lock that leaves out other platforms' optional packages. The versions
  # and hashes are the lock's all the same.
  (cd build/interop && npm_quiet install --no-save --ignore-scripts) ||
    die "npm could not install the packages of tests/interop/package.json"
  cp tests/interop/package-lock.json build/interop/installed
}

newer() { # the SQLite source comes inside an npm package, as the upstream tarball
  local source=sqlite-autoconf-3520000 sum=f6b50b0c103392af32a8be15b2b9d25959de9a00a70c3979128aafeaa5338b3f
  # -rdynamic: an extension finds what is not in sqlite3ext.h by its name.
  local flags="-O1 -rdynamic -DSQLITE_ENABLE_PREUPDATE_HOOK -DSQLITE_ENABLE_COLUMN_METADATA"
  flags+=" -DSQLITE_ENABLE_MATH_FUNCTIONS"
  [ ! -x build/newer/sqlite3 ] || [ "$(cat build/newer/flags 2>/dev/null)" != "$flags" ] || return 0
  debian "npm command=npm"
  say "building the shell of SQLite 3.52.0"
  rm -rf build/newer
  mkdir -p build/newer
  (cd build/newer &&
    npm_quiet pack --ignore-scripts sqlite3@6.0.1 &&
    tar xzf sqlite3-6.0.1.tgz "package/deps/$source.tar.gz" &&
    echo "$sum  package/deps/$source.tar.gz" | sha256sum -c --quiet &&
    tar xzf "package/deps/$source.tar.gz" &&
    gcc $flags "$source/shell.c" "$source/sqlite3.c" -o sqlite3.new -lm &&
    echo "$flags" >flags &&
    rm -rf package "$source" sqlite3-6.0.1.tgz &&
    mv sqlite3.new sqlite3) || die "SQLite 3.52.0 could not be built"
}

mkdir -p build
exec 9>build/.setup.lock
flock 9
case ${1-} in
  build) debian "$build_packages" ;;
  test)
    debian "$build_packages$test_packages"
    sanitizers
    ;;
  interop) interop ;;
  newer) newer ;;
  *) die "usage: tests/setup.sh build|test|interop|newer" ;;
esac
