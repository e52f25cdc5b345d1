// Command gormclient: the ORM GORM over go-sql-driver: AutoMigrate and Migrator, models, associations, transactions.
package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"clients/tap"
)

// Account is a row of the sharded table accounts.
type Account struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	Name    string
	Balance float64
	Created *time.Time
}

// Everything is a row of types.
type Everything struct {
	ID        int64 `gorm:"primaryKey;autoIncrement:false"`
	CTiny     *int8
	CUbig     *uint64
	CDouble   *float64
	CFloat    *float32
	CBool     *bool
	CDatetime *time.Time `gorm:"column:c_datetime6"`
	CText     *string
	CBlob     []byte
	CEnum     *string
}

// TableName is the table's.
func (Everything) TableName() string { return "types" }

// Author and Book are tables that GORM makes.
type Author struct {
	gorm.Model
	Name  string `gorm:"size:50;uniqueIndex"`
	Books []Book
	Tags  []Tag `gorm:"many2many:author_tags"`
}

// Book belongs to an author.
type Book struct {
	gorm.Model
	Title    string `gorm:"index"`
	Stars    int    `gorm:"default:3"`
	AuthorID uint
}

// Tag is on authors.
type Tag struct {
	ID   uint
	Name string `gorm:"size:20"`
}

var db *gorm.DB

func ids(tx *gorm.DB) []int64 {
	var all []int64
	tap.Must(tx.Pluck("id", &all).Error)
	return all
}

func main() {
	config := &gorm.Config{Logger: logger.Discard, PrepareStmt: true}
	tap.Check("connect", func() {
		tap.Version("gorm.io/gorm")
		db = tap.Get(gorm.Open(mysql.Open(tap.DSN("parseTime=true&loc=UTC")), config))
		tap.Out("connect", db.Dialector.(*mysql.Dialector).ServerVersion)
	})
	tap.Check("migrate", func() {
		tap.Must(db.AutoMigrate(&Author{}, &Book{}, &Tag{}))
		tap.Must(db.AutoMigrate(&Author{}, &Book{}, &Tag{})) // finds nothing to do
		m := db.Migrator()
		tap.Same("has", []bool{m.HasTable(&Book{}), m.HasColumn(&Book{}, "stars"), m.HasIndex(&Author{}, "Name"), m.HasTable("nosuch"), m.HasConstraint(&Author{}, "Books")},
			[]bool{true, true, true, false, true})
		tap.Must(m.RenameColumn(&Book{}, "stars", "points"))
		tap.Must(m.RenameColumn(&Book{}, "points", "stars"))
		tap.Same("database", m.CurrentDatabase(), tap.Name)
	})
	tap.Check("autoincrement", func() {
		ann := Author{Name: "Ünal 😀", Books: []Book{{Title: "one"}, {Title: "two"}}, Tags: []Tag{{Name: "x"}, {Name: "y"}}}
		tap.Must(db.Create(&ann).Error)
		tap.Same("the ids", []uint{ann.ID, ann.Books[1].ID, ann.Tags[1].ID}, []uint{1, 2, 2})
		var found Author
		tap.Must(db.Preload("Books").Preload("Tags").First(&found, "name = ?", "Ünal 😀").Error)
		tap.Same("books and tags", []string{found.Books[0].Title, found.Books[1].Title, found.Tags[0].Name}, []string{"one", "two", "x"})
		tap.Must(db.Delete(&found.Books[0]).Error)
		tap.Same("not deleted softly", ids(db.Model(&Book{})), []int64{2})
		var n int64
		tap.Must(db.Model(&Book{}).Joins("JOIN authors ON authors.id = books.author_id").Where("authors.name LIKE ?", "Ün%").Count(&n).Error)
		tap.Same("joined", n, int64(1))
		tap.Must(db.CreateInBatches([]Tag{{Name: "a"}, {Name: "b"}, {Name: "c"}}, 2).Error)
		tap.Must(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Tag{ID: 1, Name: "z"}).Error)
	})
	tap.Check("types", func() {
		tiny, ubig, double, float, yes, at, text, enum := int8(-128), uint64(1<<64-1), 0.1, float32(1.5), true,
			time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC), "it's \\ 100% 😀", "green"
		want := Everything{1, &tiny, &ubig, &double, &float, &yes, &at, &text, []byte{0, 255, 39, 92}, &enum}
		tap.Must(db.Create(&want).Error)
		tap.Must(db.Create(&Everything{ID: 2}).Error)
		var got []Everything
		tap.Must(db.Order("id").Find(&got).Error)
		tap.Same("the rows", got, []Everything{want, {ID: 2}})
	})
	tap.Check("crud", func() {
		for i := int64(1); i <= 6; i++ {
			tap.Must(db.Create(&Account{ID: i, Name: fmt.Sprintf("name %d", i%3), Balance: float64(i)}).Error)
		}
		r := db.Model(&Account{}).Where("id = ?", 3).Update("balance", gorm.Expr("balance + ?", 1))
		tap.Same("updated", []any{r.RowsAffected, r.Error}, []any{int64(1), nil})
		a := Account{}
		tap.Must(db.First(&a, 3).Error)
		a.Name = "changed"
		tap.Must(db.Save(&a).Error)
		tap.Must(db.Delete(&Account{}, 6).Error)
		tap.Same("page", ids(db.Model(&Account{}).Order("name, id DESC").Offset(1).Limit(2)), []int64{4, 1})
		tap.Same("filtered", ids(db.Model(&Account{}).Where("id IN ?", []int{1, 2, 9}).Or("name = ?", "changed").Order("id")), []int64{1, 2, 3})
		tap.Same("not found", errors.Is(db.First(&Account{}, 99).Error, gorm.ErrRecordNotFound), true)
	})
	tap.Check("transactions", func() {
		rollback := errors.New("roll back")
		tap.Same("the failure", db.Transaction(func(tx *gorm.DB) error {
			tap.Must(tx.Model(&Account{}).Where("id = ?", 4).Update("balance", 0).Error)
			return rollback
		}), rollback)
		var a Account
		tap.Must(db.First(&a, 4).Error)
		tap.Same("after the rollback", a.Balance, 4.0)
		tap.Must(db.Transaction(func(tx *gorm.DB) error {
			tap.Must(tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&a, 4).Error)
			a.Balance = 44
			return tx.Save(&a).Error
		}))
	})
	tap.Check("savepoints", func() {
		tap.Must(db.Transaction(func(tx *gorm.DB) error {
			tap.Must(tx.Create(&Tag{Name: "outer"}).Error)
			_ = tx.Transaction(func(inner *gorm.DB) error {
				tap.Must(inner.Create(&Tag{Name: "inner"}).Error)
				return errors.New("roll back")
			})
			return nil
		}))
		var names []string
		tap.Must(db.Model(&Tag{}).Where("name IN ?", []string{"outer", "inner"}).Pluck("name", &names).Error)
		tap.Same("tags", names, []string{"outer"})
	})
	tap.Check("stream", func() {
		rows := tap.Get(db.Table("bulk.numbers").Order("n").Rows())
		defer rows.Close()
		count, total := 0, 0
		for rows.Next() {
			var r struct {
				N     int
				Label string
			}
			tap.Must(db.ScanRows(rows, &r))
			count, total = count+1, total+r.N
		}
		tap.Same("rows and their sum", []int{count, total}, []int{20000, 200010000})
	})
	tap.Check("errors", func() {
		tap.Raises(1062, db.Create(&Account{ID: 1, Name: "again"}).Error)
		tap.Raises(1064, db.Exec("SELEC 1").Error)
		tap.Raises(1146, db.Table("nosuch").Find(&[]map[string]any{}).Error)
	})
	tap.Check("metadata", func() {
		for _, table := range []any{&Account{}, &Everything{}, &Book{}} {
			for _, c := range tap.Get(db.Migrator().ColumnTypes(table)) {
				kind, _ := c.ColumnType()
				length, _ := c.Length()
				null, _ := c.Nullable()
				value, _ := c.DefaultValue()
				key, _ := c.PrimaryKey()
				tap.Out("metadata", c.Name(), kind, length, null, value, key)
			}
			for _, i := range tap.Get(db.Migrator().GetIndexes(table)) {
				unique, _ := i.Unique()
				tap.Out("metadata", i.Table(), i.Name(), i.Columns(), unique)
			}
		}
		tables := tap.Get(db.Migrator().GetTables())
		slices.Sort(tables)
		tap.Out("metadata", tables)
	})
}
