#!/usr/bin/env bash
# shell.sh CLIENT…: the command line clients: mariadb, and mysql of MySQL 9.7.
set -u
. cli/tap.sh
client=("$@" --no-defaults --protocol=tcp --host="$DB_HOST" --port="$DB_PORT" --user="$DB_USER" --password="$DB_PASSWORD"
  --default-character-set=utf8mb4)
run() { "${client[@]}" "$DB_NAME" "$@" 2>&1 >&3 | { grep -v 'password on the command' >&2 || true; }; }
sql() { run --batch --skip-column-names -e "$1" 3>&1; }

# interactive types into the client as a person does: it then also reads the names of all tables and columns. What is
# typed before the client reads it is echoed by the terminal, or is not: it is left out.
interactive() {
  printf '%s\n' "$@" >"$work/typed"
  script -qec "$(printf '%q ' "${client[@]}" "$DB_NAME")" /dev/null <"$work/typed" | tr -d '\r\033' | grep -a -v -x -F -f "$work/typed" |
    grep -a -v -i -E 'connection id|uptime|threads:|tcp port|password on the|^Connection:|^ *$|sec\)$|server version|^Server:|SSL:|^mysql|^MariaDB'
}

program=("$@")
connect() {
  printf 'version %s\n' "$("${program[@]}" --version | tr -s ' ' | sed -E 's#^[^ ]*/##; s/,? for .*//' | head -n 1)"
  same 'SELECT 1' "$(sql 'SELECT 1')" 1
}

migrate() {
  sql 'CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title)) DEFAULT CHARSET=utf8mb4;
       ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3'
}

autoincrement() {
  same ids "$(sql "INSERT INTO notes (title, body) VALUES ('first', '😀'); SELECT LAST_INSERT_ID(), ROW_COUNT();
    INSERT INTO notes (title) VALUES ('second'), ('third'); SELECT LAST_INSERT_ID(), ROW_COUNT()" | tr '\t\n' '  ')" '1 1 2 2 '
}

types() {
  for row in 1 2; do values $row | run 3>&1; done
  sql 'INSERT INTO types (id) VALUES (3)'
  run --vertical -e 'SELECT * FROM types WHERE id = 1; SELECT * FROM types ORDER BY id' 3>&1 | out types
}

crud() {
  for i in 1 2 3 4 5 6 7 8; do sql "INSERT INTO accounts (id, name, balance) VALUES ($i, 'name $((i % 3))', $((i * 10)))"; done
  run --verbose --verbose --verbose -e 'UPDATE accounts SET balance = balance + 0.5 WHERE id = 3; DELETE FROM accounts WHERE id = 8;
    SELECT id FROM accounts WHERE id IN (1, 3, 8) ORDER BY id; SELECT id, name FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1' 3>&1 |
    sed -E 's/ \([0-9.]+ sec\)//; s/ [0-9.]+ sec//' | out crud
  for format in --table --html --xml --raw; do run $format -e 'SELECT id, name, balance, created FROM accounts ORDER BY id' 3>&1 | out crud; done
}

prepared() {
  same rows "$(sql "PREPARE s FROM 'SELECT name FROM accounts WHERE id = ?'; SET @id = 1; EXECUTE s USING @id; SET @id = @id + 1; EXECUTE s USING @id;
    DEALLOCATE PREPARE s" | tr '\n' ' ')" 'name 1 name 2 '
}

transactions() {
  same balances "$(sql 'BEGIN; UPDATE accounts SET balance = 0 WHERE id = 4; ROLLBACK; SELECT balance FROM accounts WHERE id = 4;
    SET autocommit = 0; UPDATE accounts SET balance = 41 WHERE id = 4; COMMIT; SELECT balance FROM accounts WHERE id = 4;
    SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE; START TRANSACTION READ ONLY; SELECT balance FROM accounts WHERE id = 4; COMMIT' | tr '\n' ' ')" '40.00 41.00 41.00 '
}

savepoints() {
  same notes "$(sql "BEGIN; INSERT INTO notes (title) VALUES ('outer'); SAVEPOINT a; INSERT INTO notes (title) VALUES ('inner');
    ROLLBACK TO a; RELEASE SAVEPOINT a; COMMIT; SELECT title FROM notes WHERE title IN ('inner', 'outer')")" outer
}

stream() {
  run --quick --batch -e 'SELECT n, label FROM bulk.numbers ORDER BY n' 3>&1 | cksum | out stream
}

errors() {
  for statement in "INSERT INTO accounts (id, name) VALUES (1, 'again')" 'SELEC 1' 'SELECT * FROM nosuch' 'SELECT nosuch FROM accounts' 'USE nosuch'; do
    if sql "$statement" 2>>"$work/errors"; then return 1; fi
  done
  grep '^ERROR' "$work/errors" | out errors
  printf "SELEC 1;\nSELECT 'on with --force';\nSHOW WARNINGS;\n" | run --force --batch 3>&1 2>"$work/forced" | out errors
}

reconnect() {
  run --batch --skip-column-names --unbuffered -e 'SELECT CONNECTION_ID(); SELECT SLEEP(20); SELECT 1' 3>"$work/killed" 2>/dev/null &
  for _ in $(seq 50); do [ -s "$work/killed" ] || sleep 0.1; done
  sql "KILL $(head -n 1 "$work/killed")"
  if wait $!; then echo 'the killed client went on' >&2; return 1; fi
}

load() {
  printf '100\thundred\n101\thundred 😀\n' >"$work/plain.tsv"
  run --local-infile=1 -e "LOAD DATA LOCAL INFILE '$work/plain.tsv' INTO TABLE plain" 3>&1
  same rows "$(sql 'SELECT name FROM plain WHERE id >= 100 ORDER BY id' | tr '\n' ' ')" 'hundred hundred 😀 '
}

metadata() {
  interactive 'show tables;' 'describe accounts;' 'show create table accounts\G' 'status' 'use bulk' 'show tables;' 'exit' | sed "s/:$DB_PORT//; s/$DB_PORT//" | out metadata
  run --column-type-info -e 'SELECT * FROM types WHERE id = 1' 3>&1 | out metadata
}

views() { sql 'CREATE VIEW titles AS SELECT title FROM notes; SELECT COUNT(*) FROM titles; DROP VIEW titles' | out views; }

sharded_ddl() {
  sql 'ALTER TABLE accounts ADD COLUMN age INT NULL; ALTER TABLE accounts DROP COLUMN age'
}

for f in connect migrate autoincrement types crud prepared transactions savepoints stream errors reconnect load metadata views sharded_ddl; do check $f $f; done
