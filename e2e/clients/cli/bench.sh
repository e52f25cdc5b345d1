#!/usr/bin/env bash
# bench.sh: mysqlslap (mariadb-slap) on the sharded table, sysbench on an unsharded one with and without prepared statements.
set -u
. cli/tap.sh
sql() { mariadb --no-defaults --protocol=tcp -h "$DB_HOST" -P "$DB_PORT" -u "$DB_USER" -p"$DB_PASSWORD" "$DB_NAME" -BN "$@"; }
slap() {
  mariadb-slap --no-defaults --protocol=tcp -h "$DB_HOST" -P "$DB_PORT" -u "$DB_USER" -p"$DB_PASSWORD" --create-schema="$DB_NAME" --no-drop \
    --concurrency=4 --number-of-queries=400 --iterations=2 "$@" | grep -c 'Number of clients running queries: 4' >/dev/null
}
oltp() {
  sysbench "$1" --db-driver=mysql --mysql-host="$DB_HOST" --mysql-port="$DB_PORT" --mysql-user="$DB_USER" --mysql-password="$DB_PASSWORD" \
    --mysql-db="$DB_NAME" --tables=2 --table-size=500 --threads=4 --events=200 --time=60 "${@:2}" >"$work/out" 2>&1 || { grep -i fatal "$work/out" | head -n 1 >&2; return 1; }
}

connect() {
  case $program in
    slap) printf 'version %s\n' "$(mariadb-slap --version | sed -E 's/.*(Ver [^,]*),.*/\1/')" ;;
    *) printf 'version %s\n' "$(sysbench --version)" ;;
  esac
  same 'SELECT 1' "$(sql -e 'SELECT 1')" 1
}

slap_crud() {
  for i in 1 2 3 4; do sql -e "INSERT INTO accounts (id, name) VALUES ($i, 'slap')"; done
  slap --delimiter=';' --query='SELECT * FROM accounts WHERE id = 3; UPDATE accounts SET balance = balance + 1 WHERE id = 4; SELECT id FROM accounts ORDER BY name, id LIMIT 2'
  sql -e 'SELECT id, name, balance FROM accounts ORDER BY id' | out crud
}
slap_transactions() { slap --delimiter=';' --commit=5 --query='UPDATE accounts SET balance = balance - 1 WHERE id = 4'; }
slap_prepared() { slap --delimiter=';' --detach=10 --query="PREPARE s FROM 'SELECT name FROM accounts WHERE id = ?'; SET @i = 2; EXECUTE s USING @i"; }

sysbench_migrate() { oltp oltp_read_write prepare; }
sysbench_crud() { oltp oltp_read_only --db-ps-mode=disable --skip_trx=on run; oltp oltp_insert --db-ps-mode=disable run; }
sysbench_prepared() { oltp oltp_read_only --db-ps-mode=auto --skip_trx=on run; oltp oltp_point_select --db-ps-mode=auto run; }
sysbench_transactions() { oltp oltp_read_write --db-ps-mode=disable run; oltp oltp_read_write --db-ps-mode=auto run; oltp oltp_write_only --db-ps-mode=auto run; }

program=$1
check connect connect
if [ "$program" = slap ]; then
  for f in crud transactions prepared; do check $f slap_$f; done
else
  for f in migrate crud prepared transactions; do check $f sysbench_$f; done
fi
