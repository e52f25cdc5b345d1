package fuzz

// corpus_test.go: the valid packets that are damaged.

import (
	"encoding/binary"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// statements are texts of all kinds: routed, scattered, refused, session statements, prepared by name. Writes are to the
// table fz only: kv is the healthy client's.
var statements = []string{
	"SELECT v FROM fz WHERE id = 7", "SELECT id, v FROM fz WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8) ORDER BY v DESC LIMIT 3",
	"SELECT * FROM fz ORDER BY v, id", "SELECT COUNT(*) FROM fz", "SELECT f.id FROM fz f JOIN kv k ON k.id = f.id WHERE f.id = 3",
	"INSERT INTO fz (id, v) VALUES (900001, 'x'), (900002, 'it''s')", "UPDATE fz SET v = CONCAT(v, 'y') WHERE id = 5",
	"DELETE FROM fz WHERE id = 900001", "REPLACE INTO fz VALUES (12, 'z')", "SELECT 1; SELECT v FROM fz WHERE id = 2; SELEC",
	"BEGIN", "START TRANSACTION READ ONLY", "COMMIT", "ROLLBACK", "SAVEPOINT a", "SET autocommit = 0", "SET autocommit = 1",
	"SET NAMES latin1", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET sql_mode = 'ANSI_QUOTES'", "SET @a = 1, @b = 'x', sql_mode = DEFAULT",
	"SET time_zone = '+02:00'", "SELECT @a, @@sql_mode, DATABASE(), LAST_INSERT_ID()", "USE sbtest", "SHOW TABLES", "SHOW WARNINGS",
	"SHOW COLUMNS FROM fz", "SHOW CREATE TABLE fz", "SHOW VARIABLES LIKE 'sql%'", "EXPLAIN SELECT * FROM fz WHERE id = 1",
	"PREPARE p FROM 'SELECT v FROM fz WHERE id = ?'", "EXECUTE p USING @a", "DEALLOCATE PREPARE p",
	"SELECT table_name FROM information_schema.tables WHERE table_schema = 'sbtest'", "SELECT FOUND_ROWS(), ROW_COUNT()",
	"SELECT /*! 1 + */ 1 /* c */ -- d", "SELECT 'a' 'b', \"c\", `id`, x'00ff', b'01', _utf8mb4'ä', N'n', 1e10, .5, -0.0 FROM fz WHERE id = 1",
	"CALL nosuch(1, 'a')", "KILL QUERY 4000000000", "DO 1", "SELECT GET_LOCK('fz', 0), RELEASE_LOCK('fz')", "VALUES ROW(1, 2)", "TABLE fz",
}

// preparable are texts for COM_STMT_PREPARE.
var preparable = []string{
	"SELECT v FROM fz WHERE id = ?", "SELECT ?, ?, ?, id FROM fz WHERE id IN (?, ?) ORDER BY id", "UPDATE fz SET v = ? WHERE id = ?",
	"INSERT INTO fz (id, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE v = ?", "SELECT id, v FROM fz ORDER BY v LIMIT ?", "DO ?", "SELECT '?', `id` /* ? */ FROM fz WHERE id = ?",
}

// commands are valid packets of every command. Handles and parameters suit the statements that prepared makes.
func commands() [][]byte {
	var all [][]byte
	add := func(command byte, argument string) { all = append(all, append([]byte{command}, argument...)) }
	for _, sql := range statements {
		add(mysql.COM_QUERY, sql)
	}
	for _, sql := range preparable {
		add(mysql.COM_STMT_PREPARE, sql)
	}
	add(mysql.COM_INIT_DB, "sbtest")
	add(mysql.COM_FIELD_LIST, "fz\x00%")
	for _, c := range []byte{mysql.COM_PING, mysql.COM_STATISTICS, mysql.COM_PROCESS_INFO, mysql.COM_DEBUG, mysql.COM_RESET_CONNECTION, mysql.COM_SLEEP, mysql.COM_TIME,
		mysql.COM_CREATE_DB, mysql.COM_DROP_DB, mysql.COM_REFRESH, mysql.COM_BINLOG_DUMP, mysql.COM_TABLE_DUMP, mysql.COM_DELAYED_INSERT, mysql.COM_DAEMON, 0x1e, 0x20, 0xfa} {
		add(c, "x\x00\x00\x00")
	}
	add(mysql.COM_PROCESS_KILL, "\xff\xff\xff\xfe")
	add(mysql.COM_SET_OPTION, "\x00\x00")
	add(mysql.COM_CHANGE_USER, "app\x00\x00sbtest\x00\x2d\x00mysql_native_password\x00\x00")
	return append(all, executions()...)
}

// executions are packets about the handles 1 to 7.
func executions() [][]byte {
	var all [][]byte
	for id := range uint32(7) {
		handle := binary.LittleEndian.AppendUint32(nil, id+1)
		one := func(command byte, rest ...byte) {
			all = append(all, append(append([]byte{command}, handle...), rest...))
		}
		for flags := range byte(2) {
			head := []byte{flags, 1, 0, 0, 0}
			one(mysql.COM_STMT_EXECUTE, head...)
			one(mysql.COM_STMT_EXECUTE, append(head, 0, 1, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0)...)                                            // one number
			one(mysql.COM_STMT_EXECUTE, append(head, 0, 1, 253, 0, 8, 0, 1, 'a', 5, 0, 0, 0, 0, 0, 0, 0)...)                            // a string and a number
			one(mysql.COM_STMT_EXECUTE, append(head, 0, 0, 1, 'a', 5, 0, 0, 0, 0, 0, 0, 0)...)                                          // types as before
			one(mysql.COM_STMT_EXECUTE, append(head, 3, 1, 3, 0x80, 253, 0, 253, 0, 1, 'z')...)                                         // NULLs
			one(mysql.COM_STMT_EXECUTE, append(head, 0, 1, 8, 0, 12, 0, 11, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 234, 7, 1, 2, 3, 4, 5, 0)...) // dates
			one(mysql.COM_STMT_EXECUTE, append(head, 0, 1, 4, 0, 5, 0, 246, 0, 1, 0, 16, 128, 0, 0, 0, 0, 0, 0, 248, 63, 3, '1', '.', '5')...)
		}
		one(mysql.COM_STMT_SEND_LONG_DATA, 0, 0, 'l', 'o', 'n', 'g')
		one(mysql.COM_STMT_SEND_LONG_DATA, 1, 0, 0xff)
		one(mysql.COM_STMT_FETCH, 2, 0, 0, 0)
		one(mysql.COM_STMT_RESET)
		one(mysql.COM_STMT_CLOSE)
	}
	return all
}
