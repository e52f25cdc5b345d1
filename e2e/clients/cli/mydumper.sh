#!/usr/bin/env bash
# mydumper.sh: mydumper and myloader, with several threads.
set -u
. cli/tap.sh
at=(-h "$DB_HOST" -P "$DB_PORT" -u "$DB_USER" -p "$DB_PASSWORD" -B "$DB_NAME" --verbose 1)
sql() { mariadb --no-defaults --protocol=tcp -h "$DB_HOST" -P "$DB_PORT" -u "$DB_USER" -p"$DB_PASSWORD" --default-character-set=utf8mb4 "$DB_NAME" -BN "$@"; }

# quietly fails when the program says anything: mydumper ends with 0 whatever happened to a table.
quietly() {
  "$@" >"$work/said" 2>&1
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
rows_of() { cat "$work/$1/$DB_NAME.$2".*sql | grep -a -E '^\(|^,\(|VALUES' | tr -d '\n' | sed 's/),(/)\n(/g; s/.*VALUES *//; s/;$//' | tr -d ' ,;' | LC_ALL=C sort; }

dump() {
  quietly mydumper "${at[@]}" --outputdir "$work/all" --threads 2
  for table in accounts plain types; do rows_of all $table | cksum | sed "s/^/$table /" | out dump; done
  grep -h -v 'AUTO_INCREMENT=' "$work/all/$DB_NAME".*-schema.sql | out dump
}

# Without FLUSH TABLES WITH READ LOCK.
dump_options() {
  quietly mydumper "${at[@]}" --outputdir "$work/nolock" --threads 2 --no-locks --rows 2
  for table in accounts plain types; do rows_of nolock $table | cksum | sed "s/^/$table /" | out dump_options; done
}

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
check load load
check load_sharded load_sharded
