// Package schema is what ent generates its code from.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

// Account is a row of the sharded table accounts.
type Account struct{ ent.Schema }

// Annotations name the table, which ent does not make.
func (Account) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "accounts"}, entsql.Skip()}
}

// Fields are the columns.
func (Account) Fields() []ent.Field {
	return []ent.Field{field.Int64("id"), field.String("name").MaxLen(60), field.Float("balance"), field.Time("created").Optional().Nillable()}
}

// Author is a table that ent makes.
type Author struct{ ent.Schema }

// Fields are the columns.
func (Author) Fields() []ent.Field {
	return []ent.Field{field.String("name").MaxLen(50).Unique(), field.JSON("meta", map[string]any{}).Optional(), field.Bytes("photo").Optional(), field.Enum("kind").Values("human", "machine").Default("human")}
}

// Edges are the author's books.
func (Author) Edges() []ent.Edge { return []ent.Edge{edge.To("books", Book.Type)} }

// Book is another.
type Book struct{ ent.Schema }

// Fields are the columns.
func (Book) Fields() []ent.Field {
	return []ent.Field{field.String("title"), field.Int("stars").Default(3), field.Time("published").Optional().Nillable()}
}

// Edges are the book's author.
func (Book) Edges() []ent.Edge {
	return []ent.Edge{edge.From("author", Author.Type).Ref("books").Unique()}
}
