package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// shop.go: the example: a small shop, its schema on the engines, and its rows, written through Serval so that
// Serval itself decides where each one goes.

// Account with which the newcomer connects to Serval.
const (
	appUser     = "app"
	appPassword = "app"
)

const (
	shopDatabase   = "shop"
	shardsPerGroup = 4 // of each sharded table, in each of shardGroups
)

var (
	shopGroups  = [...]string{"g0", "g1", "g2"}
	shardGroups = shopGroups[:2] // users, orders and order_items; products whole in each
)

// binaryCollation lets Serval merge strings in order by their bytes: the engines have no WEIGHT_STRING, which it
// would ask a MySQL server for with other collations.
const binaryCollation = "COLLATE utf8mb4_0900_bin"

// shopTable is a logical table: its definition with %s for the physical name.
type shopTable struct{ name, definition string }

var shardedTables = []shopTable{
	{"users", "CREATE TABLE %s (user_id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, " +
		"city VARCHAR(40) NOT NULL, joined DATE NOT NULL) " + binaryCollation},
	{"orders", "CREATE TABLE %s (order_id BIGINT NOT NULL, user_id BIGINT NOT NULL, " +
		"ordered DATETIME NOT NULL, total DECIMAL(10,2) NOT NULL, PRIMARY KEY (user_id, order_id)) " + binaryCollation},
	{"order_items", "CREATE TABLE %s (order_id BIGINT NOT NULL, product_id BIGINT NOT NULL, user_id BIGINT NOT NULL, " +
		"quantity INT NOT NULL, PRIMARY KEY (user_id, order_id, product_id)) " + binaryCollation},
}

const (
	productsDefinition = "CREATE TABLE products (product_id BIGINT NOT NULL PRIMARY KEY, title VARCHAR(60) NOT NULL, " +
		"price DECIMAL(10,2) NOT NULL) " + binaryCollation
	auditDefinition = "CREATE TABLE audit_log (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, " +
		"happened DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, who VARCHAR(40) NOT NULL, what VARCHAR(200) NOT NULL) " +
		binaryCollation
)

// product is a row of products; its number is its place in the list, counted from 1.
type product struct {
	title string
	cents int
}

var products = []product{
	{"Tent, two persons", 18900}, {"Sleeping bag", 9950}, {"Stove", 4475}, {"Head lamp", 2990},
	{"Map of the coast", 1250}, {"Water filter", 5500},
}

var (
	firstNames = []string{"Ada", "Ben", "Chloe", "Deniz", "Elif", "Farid", "Grace", "Hugo"}
	lastNames  = []string{"Moreau", "Okafor", "Silva"}
	cities     = []string{"Lisbon", "Lyon", "Izmir", "Oslo", "Nairobi"}
)

// shopUsers is the number of users, numbered from 1. User u has 1 + u%3 orders, of one or two products each.
const shopUsers = 24

// createTables makes the empty physical tables: Serval reads their columns when it starts. Products are filled here
// too, as one write in every group at once is not something that Serval does yet.
func createTables(ctx context.Context, c *cluster) error {
	shard := 0
	for _, e := range c.engines {
		var statements []string
		switch e.group {
		case shopGroups[2]:
			statements = []string{auditDefinition}
		default:
			statements = []string{productsDefinition, insertProducts()}
			for range shardsPerGroup {
				for _, t := range shardedTables {
					statements = append(statements, fmt.Sprintf(t.definition, fmt.Sprintf("%s_%d", t.name, shard)))
				}
				shard++
			}
		}
		if err := e.run(ctx, statements...); err != nil {
			return fmt.Errorf("creating the shop's tables: %w", err)
		}
	}
	return nil
}

func insertProducts() string {
	rows := make([]string, len(products))
	for i, p := range products {
		rows[i] = fmt.Sprintf("(%d, '%s', %s)", i+1, p.title, money(p.cents))
	}
	return "INSERT INTO products (product_id, title, price) VALUES " + strings.Join(rows, ", ")
}

// fillShop writes the rows of the sharded and the vertical tables through Serval.
func fillShop(ctx context.Context, db *sql.DB) error {
	var statements []string
	for u := 1; u <= shopUsers; u++ {
		statements = append(statements, userStatements(u)...)
	}
	statements = append(statements,
		"INSERT INTO audit_log (who, what) VALUES ('demo', 'the shop opened'), ('demo', 'users and orders were written')")
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("filling the shop: %w, in: %s", err, s)
		}
	}
	return nil
}

// userStatements writes one user with orders and items: rows of one user are in one shard, so each statement is.
func userStatements(u int) []string {
	var orders, items []string
	for n := range 1 + u%3 {
		order := 100*u + n
		total := 0
		for i := range 1 + (u+n)%2 {
			product, quantity := (u+n+3*i)%len(products), 1+(u+i)%3
			total += quantity * products[product].cents
			items = append(items, fmt.Sprintf("(%d, %d, %d, %d)", order, product+1, u, quantity))
		}
		orders = append(orders, fmt.Sprintf("(%d, %d, '2026-%02d-%02d 10:%02d:00', %s)",
			order, u, 1+(u*7+n)%12, 1+(u*5+n)%28, (u*13+n)%60, money(total)))
	}
	name := firstNames[u%len(firstNames)] + " " + lastNames[u%len(lastNames)]
	return []string{
		fmt.Sprintf("INSERT INTO users (user_id, name, city, joined) VALUES (%d, '%s', '%s', '2025-%02d-%02d')",
			u, name, cities[u%len(cities)], 1+u%12, 1+u),
		"INSERT INTO orders (order_id, user_id, ordered, total) VALUES " + strings.Join(orders, ", "),
		"INSERT INTO order_items (order_id, product_id, user_id, quantity) VALUES " + strings.Join(items, ", "),
	}
}

// money writes cents as a DECIMAL(10,2).
func money(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
