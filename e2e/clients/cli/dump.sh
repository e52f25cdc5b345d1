#!/usr/bin/env bash
# dump.sh DUMP CLIENT…: mariadb-dump or mysqldump, whose dumps CLIENT loads again. Both are quoted command lines.
set -u
. cli/tap.sh
login=(--no-defaults --protocol=tcp --host="$DB_HOST" --port="$DB_PORT" --user="$DB_USER" --password="$DB_PASSWORD" --default-character-set=utf8mb4)
quiet() { "$@" 2>&1 >&3 | { grep -v -i -E '^Warning:|password on the command' >&2 || true; }; }
read -ra dump_program <<<"$1"
read -ra client_program <<<"$2"
# Without the option, mysqldump wants a read lock on everything, and writes SET sql_log_bin into the dump.
options=()
case $1 in *mysqldump) options=(--set-gtid-purged=OFF) ;; esac
dump() { quiet "${dump_program[@]}" "${login[@]}" ${options[@]+"${options[@]}"} --skip-comments --order-by-primary "$@" 3>&1; }
sql() { quiet "${client_program[@]}" "${login[@]}" "$DB_NAME" --batch --skip-column-names "$@" 3>&1; }
# plainly leaves out what two servers may say differently.
plainly() { grep -a -v -E '^/\*!(40103|50503|40101 SET character)|AUTO_INCREMENT=|GTID_PURGED|^--'; }

connect() {
  printf 'version %s\n' "$("${dump_program[@]}" --version | sed -E 's/ +/ /g; s/version [^ ]*\///' | grep -o -E '(mysqldump|mariadb-dump).*')"
  same 'SELECT 1' "$(sql -e 'SELECT 1')" 1
}

fill() {
  for row in 1 2; do values $row | sql; done
  for i in 1 2 3 4 5 6; do sql -e "INSERT INTO accounts (id, name) VALUES ($i, 'name \\\\ ''$i'' 😀')"; done
  sql -e "INSERT INTO plain (name) VALUES ('one'), ('two'), ('three')"
  sql -e 'CREATE TABLE authors (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50)) DEFAULT CHARSET=utf8mb4;
    CREATE TABLE books (id INT PRIMARY KEY, author INT, KEY a (author), CONSTRAINT written FOREIGN KEY (author) REFERENCES authors (id)) DEFAULT CHARSET=utf8mb4;
    INSERT INTO authors (name) VALUES ("a"), ("b"); INSERT INTO books VALUES (1, 1), (2, 1), (3, 2)'
}

dump_all() {
  dump --skip-lock-tables "$DB_NAME" | plainly | out dump
  dump --skip-lock-tables --hex-blob --no-create-info "$DB_NAME" types | plainly | out dump
}

dump_ways() {
  dump --skip-lock-tables --no-data --databases "$DB_NAME" | plainly | out dump_options
  dump --skip-lock-tables --complete-insert --skip-extended-insert --where='id <= 3' "$DB_NAME" accounts | plainly | out dump_options
  dump --skip-lock-tables --quick --xml "$DB_NAME" plain authors | grep -v 'AUTO_INCREMENT\|Auto_increment\|_time=\|Create_options' | sed 's/ Cardinality="[0-9]*"//' | out dump_options
  dump --skip-lock-tables --routines --triggers --events "$DB_NAME" books | plainly | out dump_options
  dump --single-transaction "$DB_NAME" authors books | plainly | out dump_options # of one server
}

# As one moment shows it, on all servers.
dump_consistent() { dump --single-transaction "$DB_NAME" | plainly | out dump_consistent; }
dump_locked() { dump "$DB_NAME" | plainly | out dump_locked; }

load() {
  dump --skip-lock-tables "$DB_NAME" plain authors books >"$work/whole.sql"
  sql -e 'DROP TABLE books; DROP TABLE authors; DELETE FROM plain'
  sql <"$work/whole.sql"
  same 'books of a' "$(sql -e 'SELECT COUNT(*) FROM books JOIN authors ON authors.id = author WHERE authors.name = "a"')" 2
  same plain "$(sql -e 'SELECT GROUP_CONCAT(name ORDER BY id) FROM plain')" one,two,three
  dump --skip-lock-tables --no-create-info --skip-add-locks --skip-disable-keys --hex-blob "$DB_NAME" accounts types >"$work/sharded.sql"
  for i in 1 2 3 4 5 6; do sql -e "DELETE FROM accounts WHERE id = $i; DELETE FROM types WHERE id = $i"; done
  sql <"$work/sharded.sql"
  sql -e 'SELECT * FROM accounts ORDER BY id; SELECT * FROM types ORDER BY id' | out load
}

# What a dump does without options: it drops and makes the tables, and inserts between LOCK TABLES.
load_sharded() {
  dump --skip-lock-tables "$DB_NAME" accounts types >"$work/sharded.sql"
  sql <"$work/sharded.sql"
}

check connect connect
check migrate fill
check dump dump_all
check dump_options dump_ways
check dump_consistent dump_consistent
check dump_locked dump_locked
check load load
check load_sharded load_sharded
