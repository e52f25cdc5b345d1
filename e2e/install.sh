#!/usr/bin/env bash
# install.sh: puts what the tests need on this machine, and says what is missing where it cannot.
#
# Idempotent: what is there is left alone. As root with apt it installs mariadb-server, sysbench, haproxy, debootstrap,
# and spin with gcc (for docs/commit.pml), and makes MySQL 9.7's root file system (Debian's unstable suite, 0.9 GB) in the cache directory:
# $SERVAL_CACHE, else /var/cache/serval for root, else ~/.cache/serval (e2e/servers decides in the same way).
#
# Exit code: 0 when the tests can run, which takes MariaDB and sysbench. MySQL may be missing: its suite moves and
# is not always to be had; its half of the tests is then skipped, and this script and the tests say so.
set -euo pipefail

cache=${SERVAL_CACHE:-}
if [ -z "$cache" ]; then
  if [ "$(id -u)" = 0 ]; then cache=/var/cache/serval; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/serval; fi
fi
rootfs=$cache/mysql-rootfs

have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }
say() { printf 'install: %s\n' "$*"; }

can_install() { [ "$(id -u)" = 0 ] && have apt-get; }

missing=()
for pair in mariadbd:mariadb-server mariadb:mariadb-client sysbench:sysbench haproxy:haproxy debootstrap:debootstrap \
  spin:spin gcc:gcc; do
  have "${pair%%:*}" || missing+=("${pair##*:}")
done
[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
if [ ${#missing[@]} -gt 0 ] && can_install; then
  say "installing ${missing[*]}"
  # Nothing may start on install: the tests run servers of their own.
  policy=/usr/sbin/policy-rc.d
  made_policy=
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made_policy=1; fi
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log"
    say "apt-get failed (above)"
  fi
  rm -f "$log"
  if [ -n "$made_policy" ]; then rm -f $policy; fi
fi

# The mirror that this machine's own apt uses for Debian: the first "deb … URI" or "URIs: URI" with a debian path.
mirror() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -nE 's/^(deb +(\[[^]]*\] +)?|URIs: *)(https?:[^ ]*\/debian)\/?( .*)?$/\3/p' | head -n 1
}

make_rootfs() {
  local from fresh log
  from=$(mirror)
  if [ -z "$from" ]; then say "no Debian mirror in the apt sources"; return 1; fi
  have debootstrap || { say "debootstrap is not installed"; return 1; }
  mkdir -p "$cache"
  # Left-overs of a run that was cut; nobody else makes one, the lock below is held.
  rm -rf "$cache"/mysql-rootfs.new.*
  fresh=$(mktemp -d "$cache/mysql-rootfs.new.XXXXXX")
  chmod 755 "$fresh"
  log=$cache/debootstrap.log
  say "making MySQL's root file system in $rootfs (about a minute)"
  if PATH=$PATH:/usr/sbin:/sbin debootstrap --variant=minbase --include=mysql-server,mysql-client sid "$fresh" "$from" >"$log" 2>&1 &&
    [ -x "$fresh/usr/sbin/mysqld" ]; then
    rm -rf "$fresh"/var/cache/apt/archives/*.deb
    mv -T "$fresh" "$rootfs"
    return 0
  fi
  tail -n 20 "$log"
  # debootstrap mounts proc in its target and may be stopped before it unmounts it.
  umount "$fresh/proc" "$fresh/sys" 2>/dev/null || true
  rm -rf --one-file-system "$fresh"
  return 1
}

if [ ! -x "$rootfs/usr/sbin/mysqld" ] && can_install; then
  mkdir -p "$cache"
  exec 9>"$cache/install.lock"
  flock 9
  if [ ! -x "$rootfs/usr/sbin/mysqld" ]; then make_rootfs || true; fi
fi

status=0
for pair in mariadbd:mariadb-server sysbench:sysbench; do
  if ! have "${pair%%:*}"; then
    say "MISSING: ${pair%%:*} (Debian package ${pair##*:}); run this script as root on Debian, or install it"
    status=1
  fi
done
have haproxy || say "missing: haproxy; \`make bench\` leaves it out"
{ have spin && have gcc; } || say "missing: spin or gcc; the model of the commit protocol (docs/commit.pml) is NOT CHECKED"
if [ -x "$rootfs/usr/sbin/mysqld" ]; then
  say "MariaDB: $(PATH=$PATH:/usr/sbin mariadbd --version 2>/dev/null | sed 's/.*Ver //; s/ for.*//'); MySQL: $rootfs"
else
  cat <<'NOTE'
install: **************************************************************************
install: ** NO MYSQL: its root file system could not be made on this machine.    **
install: ** Every test against MySQL is SKIPPED; the MariaDB half runs.          **
install: **************************************************************************
NOTE
fi
exit $status
