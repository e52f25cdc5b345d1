#!/usr/bin/env bash
# odbc.sh: isql of unixODBC over MariaDB's ODBC driver.
set -u
. cli/tap.sh
source="DRIVER=MariaDB Unicode;SERVER=$DB_HOST;PORT=$DB_PORT;UID=$DB_USER;PWD=$DB_PASSWORD;DATABASE=$DB_NAME;CHARSET=utf8mb4"

# sql runs statements, one in a line, and prints rows and counts; it fails when one of them does.
sql() {
  printf '%s\n' "$@" | isql -k "$source" -b -d'|' -v >"$work/rows" 2>&1 || true
  cat "$work/rows"
  if grep -q 'ISQL\]ERROR' "$work/rows"; then
    grep '^\[' "$work/rows" >&2
    return 1
  fi
}

connect() {
  printf 'version unixODBC %s, MariaDB ODBC %s\n' "$(isql --version | grep -o '[0-9.]*')" "$(dpkg-query -W -f '${Version}' odbc-mariadb 2>/dev/null)"
  same 'SELECT 1' "$(sql 'SELECT 1')" 1
}
migrate() {
  sql 'CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL)' 'ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3'
}
types() {
  for row in 1 2; do sql "$(values $row | tr -d ';')"; done
  sql 'INSERT INTO types (id) VALUES (3)'
  sql 'SELECT id, c_tiny, c_ubig, c_decimal, c_double, c_date, c_datetime, c_year, c_varchar, c_enum, c_set FROM types ORDER BY id' | out types
}
crud() {
  for i in 1 2 3 4 5 6 7 8; do sql "INSERT INTO accounts (id, name, balance) VALUES ($i, 'name $((i % 3))', $((i * 10)))" | out crud; done
  sql 'UPDATE accounts SET balance = balance + 0.5 WHERE id = 3' 'DELETE FROM accounts WHERE id = 8' 'SELECT id FROM accounts WHERE id IN (1, 3, 8) ORDER BY id' \
    'SELECT id, name FROM accounts ORDER BY name, id DESC LIMIT 3 OFFSET 1' | out crud
}
transactions() {
  sql 'START TRANSACTION' 'UPDATE accounts SET balance = 0 WHERE id = 4' 'ROLLBACK' 'SELECT balance FROM accounts WHERE id = 4' | out transactions
}
stream() { sql 'SELECT n, label FROM bulk.numbers ORDER BY n' | cksum | out stream; }
errors() {
  for statement in "INSERT INTO accounts (id, name) VALUES (1, 'again')" 'SELEC 1' 'SELECT * FROM nosuch'; do
    if sql "$statement" 2>>"$work/errors" >/dev/null; then return 1; fi
  done
  out errors <"$work/errors"
}
metadata() {
  sql 'help' | grep "^$DB_NAME|" | LC_ALL=C sort | out metadata
  sql 'help accounts' | cut -d'|' -f 1-9 | out metadata
}

for f in connect migrate types crud transactions stream errors metadata; do check $f $f; done
