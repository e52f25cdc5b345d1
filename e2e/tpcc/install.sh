#!/usr/bin/env bash
# install.sh: builds go-tpc (its version is in go.mod) into $cache/tpcc, where $cache is $SERVAL_CACHE, else
# /var/cache/serval for root, else ~/.cache/serval (e2e/servers decides in the same way). What is built is left alone.
set -euo pipefail
cd "$(dirname "$0")"

cache=${SERVAL_CACHE:-}
if [ -z "$cache" ]; then
  if [ "$(id -u)" = 0 ]; then cache=/var/cache/serval; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/serval; fi
fi
dir=$cache/tpcc
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
if [ -x "$dir/go-tpc" ] && cmp -s go.sum "$dir/go.sum"; then exit 0; fi
# In a module of its own: Serval's has none of its dependencies.
cp go.mod go.sum "$dir/"
(cd "$dir" && CGO_ENABLED=0 go build -o go-tpc github.com/pingcap/go-tpc/cmd/go-tpc)
