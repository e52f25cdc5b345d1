// Command sqlxclient: sqlx over go-sql-driver: named parameters, structs, IN.
package main

import (
	"time"

	"github.com/jmoiron/sqlx"

	"clients/tap"
)

// account is a row of accounts.
type account struct {
	ID      int64
	Name    string
	Balance string
	Created *time.Time
}

func main() {
	var db *sqlx.DB
	tap.Check("connect", func() {
		tap.Version("github.com/jmoiron/sqlx")
		db = tap.Get(sqlx.Connect("mysql", tap.DSN("parseTime=true")))
	})
	tap.Check("migrate", func() {
		db.MustExec("CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50) NOT NULL)")
	})
	tap.Check("autoincrement", func() {
		r := tap.Get(db.NamedExec("INSERT INTO notes (title) VALUES (:title)", []map[string]any{{"title": "a"}, {"title": "b 😀"}}))
		tap.Same("affected", tap.Get(r.RowsAffected()), int64(2))
		var titles []string
		tap.Must(db.Select(&titles, "SELECT title FROM notes ORDER BY id"))
		tap.Same("titles", titles, []string{"a", "b 😀"})
	})
	tap.Check("crud", func() {
		at := time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC)
		for i := int64(1); i <= 6; i++ {
			tap.Get(db.NamedExec("INSERT INTO accounts (id, name, balance, created) VALUES (:id, :name, :balance, :created)",
				account{ID: i, Name: "n", Balance: "1.50", Created: &at}))
		}
		var one account
		tap.Must(db.Get(&one, "SELECT * FROM accounts WHERE id = ?", 3))
		tap.Same("the row", one, account{ID: 3, Name: "n", Balance: "1.50", Created: &at})
		query, args, err := sqlx.In("SELECT * FROM accounts WHERE id IN (?) ORDER BY id", []int64{1, 2, 9})
		tap.Must(err)
		var some []account
		tap.Must(db.Select(&some, db.Rebind(query), args...))
		tap.Same("rows", []int64{some[0].ID, some[len(some)-1].ID}, []int64{1, 2})
	})
	tap.Check("prepared", func() {
		st := tap.Get(db.PrepareNamed("SELECT name FROM accounts WHERE id = :id"))
		var name string
		for _, id := range []int64{1, 2, 3} {
			tap.Must(st.Get(&name, map[string]any{"id": id}))
		}
		tap.Must(st.Close())
	})
	tap.Check("transactions", func() {
		tx := db.MustBegin()
		tx.MustExec("UPDATE accounts SET balance = 0 WHERE id = ?", 4)
		tap.Must(tx.Rollback())
		var balance string
		tap.Must(db.Get(&balance, "SELECT balance FROM accounts WHERE id = 4"))
		tap.Same("after the rollback", balance, "1.50")
	})
	tap.Check("stream", func() {
		rows := tap.Get(db.Queryx("SELECT n, label FROM bulk.numbers ORDER BY n"))
		defer rows.Close()
		count := 0
		for rows.Next() {
			var r struct {
				N     int
				Label string
			}
			tap.Must(rows.StructScan(&r))
			count++
		}
		tap.Same("rows", count, 20000)
	})
	tap.Check("errors", func() {
		_, err := db.Exec("INSERT INTO accounts (id, name) VALUES (?, ?)", 1, "again")
		tap.Raises(1062, err)
		tap.Raises(1146, db.Get(&account{}, "SELECT * FROM nosuch"))
	})
}
