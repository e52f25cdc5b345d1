// Command driver interpolated|prepared: go-sql-driver/mysql, with parameters in the text or with the server's prepared statements.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"clients/tap"
)

var (
	db   *sql.DB
	mode = "interpolateParams=" + fmt.Sprint(os.Args[1] == "interpolated")
)

func ids(rows *sql.Rows, err error) []int64 {
	tap.Must(err)
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var id int64
		tap.Must(rows.Scan(&id))
		all = append(all, id)
	}
	tap.Must(rows.Err())
	return all
}

func affected(r sql.Result, err error) int64 {
	tap.Must(err)
	return tap.Get(r.RowsAffected())
}

func text(query string, args ...any) string {
	var s string
	tap.Must(db.QueryRow(query, args...).Scan(&s))
	return s
}

func main() {
	tap.Check("connect", func() {
		tap.Version("github.com/go-sql-driver/mysql")
		db = tap.Get(sql.Open("mysql", tap.DSN(mode+"&parseTime=true&loc=UTC&timeout=10s&maxAllowedPacket=0")))
		tap.Must(db.Ping())
		tap.Same("SELECT ?", text("SELECT ?", "1"), "1")
	})
	tap.Check("migrate", func() {
		tap.Get(db.Exec("CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL, body TEXT, UNIQUE KEY by_title (title))"))
		tap.Get(db.Exec("ALTER TABLE notes ADD COLUMN stars INT NOT NULL DEFAULT 3"))
	})
	tap.Check("autoincrement", func() {
		r := tap.Get(db.Exec("INSERT INTO notes (title, body) VALUES (?, ?)", "first", "😀"))
		tap.Same("the id", tap.Get(r.LastInsertId()), int64(1))
		many := tap.Get(db.Exec("INSERT INTO notes (title) VALUES (?), (?)", "second", "third"))
		tap.Same("many", []int64{tap.Get(many.LastInsertId()), tap.Get(many.RowsAffected())}, []int64{2, 2})
		tap.Same("the body", text("SELECT body FROM notes WHERE id = ?", 1), "😀")
	})
	tap.Check("types", types)
	tap.Check("crud", func() {
		for i := int64(1); i <= 8; i++ {
			tap.Same("inserted", affected(db.Exec("INSERT INTO accounts (id, name, balance) VALUES (?, ?, ?)", i, fmt.Sprintf("name %d", i%3), i*10)), int64(1))
		}
		tap.Same("updated", affected(db.Exec("UPDATE accounts SET balance = balance + ? WHERE id = ?", 0.5, 3)), int64(1))
		tap.Same("deleted", affected(db.Exec("DELETE FROM accounts WHERE id = ?", 8)), int64(1))
		tap.Same("IN", ids(db.Query("SELECT id FROM accounts WHERE id IN (?, ?, ?) ORDER BY id", 1, 3, 8)), []int64{1, 3})
		tap.Same("page", ids(db.Query("SELECT id FROM accounts ORDER BY name, id DESC LIMIT ? OFFSET ?", 3, 1)), []int64{3, 7, 4})
		tap.Same("balance", text("SELECT balance FROM accounts WHERE id = ?", 3), "30.50")
	})
	tap.Check("prepared", func() {
		st := tap.Get(db.Prepare("SELECT id FROM accounts WHERE id = ? OR name = ? ORDER BY id"))
		defer st.Close()
		for range 3 { // on any connection of the pool
			tap.Same("rows", ids(st.Query(1, "name 2")), []int64{1, 2, 5})
			tap.Same("rows", ids(st.Query(nil, "nobody")), []int64(nil))
		}
		_, err := db.Prepare("SELEC ?")
		tap.Raises(1064, err)
		big := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB: sent as long data
		tap.Same("its length", text("SELECT LENGTH(?)", big), fmt.Sprint(len(big)))
	})
	tap.Check("transactions", transactions)
	tap.Check("distributed", func() {
		tx := tap.Get(db.Begin())
		defer func() { _ = tx.Rollback() }()
		tap.Get(tx.Exec("UPDATE accounts SET balance = balance - 1 WHERE id = ?", 4))
		tap.Get(tx.Exec("UPDATE accounts SET balance = balance + 1 WHERE id = ?", 7)) // on the other server
		tap.Must(tx.Commit())
	})
	tap.Check("stream", func() {
		rows := tap.Get(db.Query("SELECT n, label FROM bulk.numbers WHERE n > ? ORDER BY n", 0))
		defer rows.Close()
		count, total := 0, 0
		for rows.Next() {
			var n int
			var label sql.RawBytes
			tap.Must(rows.Scan(&n, &label))
			count, total = count+1, total+n
		}
		tap.Must(rows.Err())
		tap.Same("rows and their sum", []int{count, total}, []int{20000, 200010000})
	})
	tap.Check("errors", func() {
		for code, query := range map[uint16]string{1062: "INSERT INTO accounts (id, name) VALUES (1, 'again')", 1064: "SELEC 1", 1146: "SELECT * FROM nosuch", 1054: "SELECT nosuch FROM accounts"} {
			_, err := db.Exec(query)
			tap.Raises(code, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_, err := db.ExecContext(ctx, "SELECT SLEEP(20) FROM accounts WHERE id = 1")
		tap.Same("the deadline", errors.Is(err, context.DeadlineExceeded), true)
	})
	tap.Check("reconnect", func() {
		one := tap.Get(sql.Open("mysql", tap.DSN(mode)))
		defer one.Close()
		one.SetMaxOpenConns(1)
		var id int64
		tap.Must(one.QueryRow("SELECT CONNECTION_ID()").Scan(&id))
		tap.Get(db.Exec(fmt.Sprintf("KILL %d", id)))
		time.Sleep(100 * time.Millisecond)
		var name string
		tap.Must(one.QueryRow("SELECT name FROM accounts WHERE id = ?", 1).Scan(&name))
		tap.Same("after the reconnect", name, "name 1")
	})
	tap.Check("reset", func() {
		compressed := tap.Get(sql.Open("mysql", tap.DSN(mode+"&compress=true&multiStatements=true&clientFoundRows=true")))
		defer compressed.Close()
		// What is matched counts, changed or not; of several statements the driver tells the last's.
		tap.Same("found rows", affected(compressed.Exec("UPDATE accounts SET name = 'name 1' WHERE id = 1; UPDATE accounts SET name = 'name 2' WHERE id = 2")), int64(1))
		var name string
		tap.Must(compressed.QueryRow("SELECT REPEAT('a', 100000)").Scan(&name))
		tap.Same("compressed", len(name), 100000)
	})
	tap.Check("metadata", func() {
		rows := tap.Get(db.Query("SELECT * FROM types WHERE id = ?", 1))
		defer rows.Close()
		for _, c := range tap.Get(rows.ColumnTypes()) {
			p, s, _ := c.DecimalSize()
			n, _ := c.Nullable()
			tap.Out("metadata", c.Name(), c.DatabaseTypeName(), c.ScanType(), n, p, s)
		}
	})
}

func types() {
	columns := tap.Columns()
	names := ""
	for _, c := range columns {
		names += ", " + c.Name
	}
	names = names[2:]
	compare := func(rows *sql.Rows, i int) {
		values := make([]any, len(columns))
		targets := make([]any, len(columns))
		for n := range values {
			targets[n] = &values[n]
		}
		tap.Must(rows.Scan(targets...))
		for n, c := range columns {
			tap.Same(c.Name, tap.Read(c.Kind, values[n], c.Rows[i]), c.Rows[i])
		}
	}
	for i := range 3 {
		values := []any{i + 1}
		for _, c := range columns {
			values = append(values, c.Rows[i])
		}
		tap.Get(db.Exec("INSERT INTO types (id, "+names+") VALUES (?"+strings.Repeat(", ?", len(columns))+")", values...))
		rows := tap.Get(db.Query("SELECT "+names+" FROM types WHERE id = ?", i+1))
		tap.Same("a row", rows.Next(), true)
		compare(rows, i)
		tap.Must(rows.Close())
	}
	rows := tap.Get(db.Query("SELECT " + names + " FROM types ORDER BY id"))
	defer rows.Close()
	for i := 0; rows.Next(); i++ {
		compare(rows, i)
	}
	tap.Must(rows.Err())
}

func transactions() {
	tx := tap.Get(db.Begin())
	tap.Get(tx.Exec("UPDATE accounts SET balance = ? WHERE id = ?", 0, 4))
	tap.Must(tx.Rollback())
	tap.Same("after the rollback", text("SELECT balance FROM accounts WHERE id = 4"), "40.00")
	for _, options := range []*sql.TxOptions{{Isolation: sql.LevelSerializable}, {Isolation: sql.LevelReadCommitted}} {
		tx = tap.Get(db.BeginTx(context.Background(), options))
		tap.Get(tx.Exec("UPDATE accounts SET balance = balance + ? WHERE id = ?", 1, 4))
		tap.Must(tx.Commit())
	}
	tap.Same("after the commits", text("SELECT balance FROM accounts WHERE id = ?", 4), "42.00")
	tx = tap.Get(db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true}))
	_, err := tx.Exec("UPDATE accounts SET balance = 0 WHERE id = 4")
	var refused *mysql.MySQLError
	tap.Same("writing in a read-only transaction", errors.As(err, &refused) && refused.Number == 1792, true)
	tap.Must(tx.Rollback())
}
