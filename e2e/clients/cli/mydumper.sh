#!/usr/bin/env bash
# mydumper.sh: mydumper and myloader, with several threads.
set -u
. cli/tap.sh
at=(-h "$DB_HOST" -P "$DB_PORT" -u "$DB_USER" -p "$DB_PASSWORD" -B "$DB_NAME" --verbose 1)
sql() { mariadb --no-defaults --protocol=tcp -h "$DB_HOST" -P "$DB_PORT" -u "$DB_USER" -p"$DB_PASSWORD" --default-character-set=utf8mb4 "$DB_NAME" -BN "$@"; }

# quietly fails when the program says anything: mydumper ends with 0 whatever happened to a table.
quietly() {
  "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
  if grep -E -i 'critical|error|warning' "$work/said" >&2; then return 1; fi
}

connect() {
  printf 'version %s\n' "$(mydumper --version)"
  same 'SELECT 1' "$(sql -e 'SELECT 1')" 1
}

fill() {
  for row in 1 2; do values $row | sql; done
  for i in 1 2 3 4 5 6; do sql -e "INSERT INTO accounts (id, name) VALUES ($i, 'name ''$i'' 😀')"; done
  sql -e "INSERT INTO plain (name) VALUES ('one'), ('two'), ('three')"
}

# Rows of a table in the files, whatever their order.
rows_of() {
  for file in "$work/$1/$DB_NAME.$2".*sql; do # one for each chunk
    grep -a -E '^\(|^,\(|VALUES' "$file" | tr -d '\n' | sed 's/),(/)\n(/g; s/.*VALUES *//; s/;$//'
    echo
  done | tr -d ' ,;' | grep -a . | LC_ALL=C sort
}

# dump_with FEATURE OPTIONS…
dump_with() {
  quietly mydumper "${at[@]}" --outputdir "$work/$1" --threads 2 "${@:2}"
  for table in accounts plain types; do rows_of "$1" $table | cksum | sed "s/^/$table /" | out "$1"; done
  grep -h -v 'AUTO_INCREMENT=' "$work/$1/$DB_NAME".*-schema.sql | out "$1"
}

dump() { dump_with dump --no-locks; }
dump_options() { dump_with dump_options --no-locks --rows 2; }

# With FLUSH TABLES WITH READ LOCK.
dump_locked() { dump_with dump_locked; }

load() {
  quietly mydumper "${at[@]}" --outputdir "$work/plain" --no-locks --tables-list plain
  sql -e 'DROP TABLE plain'
  quietly myloader "${at[@]}" --directory "$work/plain" --threads 2 --overwrite-tables
  same rows "$(sql -e 'SELECT GROUP_CONCAT(name ORDER BY id) FROM plain')" one,two,three
}

load_sharded() {
  quietly mydumper "${at[@]}" --outputdir "$work/sharded" --no-locks --tables-list accounts
  quietly myloader "${at[@]}" --directory "$work/sharded" --threads 2 --overwrite-tables
}

check connect connect
check migrate fill
check dump dump
check dump_options dump_options
check dump_locked dump_locked
check load load
check load_sharded load_sharded
