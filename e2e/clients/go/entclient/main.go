// Command entclient: the ORM ent over go-sql-driver. Its code is generated from ent/schema when the programs are built
// (install.sh), and not kept in the repository.
package main

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	_ "github.com/go-sql-driver/mysql"

	"clients/entclient/ent"
	"clients/entclient/ent/account"
	"clients/entclient/ent/author"
	"clients/entclient/ent/book"
	"clients/entclient/ent/migrate"
	"clients/tap"
)

var (
	db  *ent.Client
	ctx = context.Background()
)

func main() {
	tap.Check("connect", func() {
		tap.Version("entgo.io/ent")
		db = tap.Get(ent.Open("mysql", tap.DSN("parseTime=true&loc=UTC")))
	})
	tap.Check("migrate", func() {
		for range 2 { // the second finds nothing to do
			tap.Must(db.Schema.Create(ctx, migrate.WithDropIndex(true), migrate.WithDropColumn(true)))
		}
	})
	tap.Check("autoincrement", func() {
		books := tap.Get(db.Book.CreateBulk(db.Book.Create().SetTitle("one"), db.Book.Create().SetTitle("two")).Save(ctx))
		ann := tap.Get(db.Author.Create().SetName("Ünal 😀").SetMeta(map[string]any{"a": "b"}).SetPhoto([]byte{0, 255}).AddBooks(books...).Save(ctx))
		tap.Same("the id", ann.ID, 1)
		found := tap.Get(db.Author.Query().Where(author.HasBooksWith(book.Title("two"))).WithBooks().Only(ctx))
		tap.Same("books", len(found.Edges.Books), 2)
		tap.Same("meta and photo", []any{found.Meta, found.Photo}, []any{map[string]any{"a": "b"}, []byte{0, 255}})
		tap.Same("counted", tap.Get(ann.QueryBooks().Count(ctx)), 2)
	})
	tap.Check("crud", func() {
		for i := int64(1); i <= 6; i++ {
			tap.Get(db.Account.Create().SetID(i).SetName(fmt.Sprintf("name %d", i%3)).SetBalance(float64(i)).Save(ctx))
		}
		tap.Same("updated", tap.Get(db.Account.Update().Where(account.ID(3)).AddBalance(1).Save(ctx)), 1)
		tap.Must(db.Account.DeleteOneID(6).Exec(ctx))
		tap.Same("page", tap.Get(db.Account.Query().Order(account.ByName(), account.ByID(sql.OrderDesc())).Offset(1).Limit(2).IDs(ctx)), []int64{4, 1})
		tap.Same("IN", tap.Get(db.Account.Query().Where(account.IDIn(1, 2, 9)).Order(account.ByID()).IDs(ctx)), []int64{1, 2})
	})
	tap.Check("transactions", func() {
		tx := tap.Get(db.Tx(ctx))
		tap.Must(tx.Account.UpdateOneID(4).SetBalance(0).Exec(ctx))
		tap.Must(tx.Rollback())
		tap.Same("after the rollback", tap.Get(db.Account.Get(ctx, 4)).Balance, 4.0)
		tx = tap.Get(db.Tx(ctx))
		tap.Must(tx.Account.UpdateOneID(4).SetBalance(44).Exec(ctx))
		tap.Must(tx.Commit())
		tap.Same("after the commit", tap.Get(db.Account.Get(ctx, 4)).Balance, 44.0)
	})
	tap.Check("errors", func() {
		err := db.Account.Create().SetID(1).SetName("again").SetBalance(0).Exec(ctx)
		tap.Same("constraint", ent.IsConstraintError(err), true)
		tap.Raises(1062, err)
		_, err = db.Account.Get(ctx, 99)
		tap.Same("not found", ent.IsNotFound(err), true)
	})
}
