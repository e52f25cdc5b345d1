#!/usr/bin/env bash
# install.sh: puts the client programs' packages on this machine, and says what is missing where it cannot.
#
# Idempotent: what is there is left alone. Packages come from Debian (as root with apt), from the npm registry and from the
# Go proxy; nothing is kept in the checkout: node_modules and built programs are in $cache/clients, where $cache is
# $SERVAL_CACHE, else /var/cache/serval for root, else ~/.cache/serval (e2e/servers decides in the same way).
#
# `install.sh all` installs Prisma too. `install.sh build` only builds the Go and Java programs, which the test does before it runs them.
#
# Exit code: always 0. A client whose package is missing is a skipped test, and a row of docs/clients.md that says so.
set -euo pipefail
cd "$(dirname "$0")"

cache=${SERVAL_CACHE:-}
if [ -z "$cache" ]; then
  if [ "$(id -u)" = 0 ]; then cache=/var/cache/serval; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/serval; fi
fi
dir=$cache/clients
mkdir -p "$dir"
say() { printf 'clients: %s\n' "$*"; }
exec 9>"$dir/lock"
flock 9

# Debian's packages, as a release may lack some: each on its own.
packages=(mydumper python3-pymysql python3-mysqldb python3-sqlalchemy python3-django php-cli php-mysql php-doctrine-dbal
  php-illuminate-database libdbd-mysql-perl libdbd-mariadb-perl ruby-mysql2 ruby-activerecord libmariadb-java libhibernate3-java
  libjavassist-java odbc-mariadb unixodbc)
command -v javac >/dev/null || packages+=(default-jdk-headless)
command -v npm >/dev/null || packages+=(nodejs npm)

install_debian() {
  local missing=() p log
  for p in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "MISSING (run as root on Debian): ${missing[*]}"
    return 0
  fi
  say "installing ${missing[*]}"
  log=$(mktemp)
  apt-get update >"$log" 2>&1 || true
  if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    for p in "${missing[@]}"; do # one that cannot be had takes none of the others with it
      DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$p" >>"$log" 2>&1 || say "MISSING: Debian package $p"
    done
  fi
  rm -f "$log"
}

# install_npm FOLDER FLAGS: what FOLDER's package.json and lock file in node/ ask for, in FOLDER of the cache.
install_npm() {
  local folder=$1
  shift
  if ! command -v npm >/dev/null; then
    say "MISSING: npm; the Node clients are left out"
    return 0
  fi
  mkdir -p "$dir/$folder"
  if cmp -s "$folder/package-lock.json" "$dir/$folder/installed-lock.json"; then return 0; fi
  say "installing the Node packages of $folder/package.json"
  cp "$folder/package.json" "$folder/package-lock.json" "$dir/$folder/"
  if (cd "$dir/$folder" && npm ci --no-audit --no-fund --loglevel=error "$@" 2>&1); then
    cp "$folder/package-lock.json" "$dir/$folder/installed-lock.json"
  else
    say "MISSING: npm could not install the packages of $folder (above)"
  fi
}

build_go() {
  mkdir -p "$dir/go" "$dir/bin"
  cp -r go/. "$dir/go/"
  # ent's code is generated from its schema, 5,000 lines that nobody reads: outside of the checkout.
  if ! (cd "$dir/go" && go tool ent generate ./entclient/ent/schema && go vet ./... && CGO_ENABLED=0 go build -o "$dir/bin/" ./...); then
    say "MISSING: the Go clients do not build (above)"
  fi
}

build_java() {
  # shellcheck disable=SC1091
  . java/classpath.sh
  if ! command -v javac >/dev/null; then
    say "MISSING: javac (Debian package default-jdk-headless); the Java clients are left out"
    return 0
  fi
  if [ -n "$(find java -name '*.java' -newer "$dir/java/Jdbc.class" 2>/dev/null)" ] || [ ! -e "$dir/java/Jdbc.class" ]; then
    mkdir -p "$dir/java"
    javac -encoding UTF-8 -nowarn -cp "$classpath" -d "$dir/java" java/*.java || say "MISSING: the Java clients do not build (above)"
  fi
}

if [ "${1:-}" != build ]; then
  install_debian
  install_npm node
  # Prisma is 300 MB. Its post-install scripts would download an engine from elsewhere; its client needs none, and the
  # generator only asks whether there is one.
  if [ "${1:-}" = all ]; then
    install_npm prisma --ignore-scripts
    cp prisma/schema.prisma prisma/prisma.config.ts "$dir/prisma/"
    (cd "$dir/prisma" && PRISMA_SCHEMA_ENGINE_BINARY=/bin/true PRISMA_HIDE_UPDATE_MESSAGE=1 npx prisma generate >generate.log 2>&1) ||
      say "MISSING: Prisma's client could not be generated: $(tail -n 1 "$dir/prisma/generate.log")"
  fi
fi
build_go
build_java
say "in $dir: $(ls "$dir/bin" | tr '\n' ' ')"
