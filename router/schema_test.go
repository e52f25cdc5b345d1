package router

import (
	"strings"
	"testing"

	"serval/config"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

const schemaFile = `
listeners: ["127.0.0.1:0"]
admin: off
users: {app: {password: x}}
defaults: {user: app, password: x}
groups:
  g0: {primary: "127.0.0.1:1"}
  g1: {primary: "127.0.0.1:2"}
databases:
  shop:
    default_group: g0
    physical: shop_main
    tables:
      users: {shard: {column: user_id, by: hash_mod, shards: 2, groups: [g0, g1], binding: user}}
      orders: {shard: {column: user_id, by: hash_mod, shards: 2, groups: [g0, g1], binding: user}}
      names: {shard: {column: name, by: hash_mod, shards: 2, groups: [g0, g1]}}
      products: {broadcast: true}
      audit: {group: g1}
  plain: {default_group: g0}
`

// schemaCatalog is the catalog of a file and of tables declared in SQL; users has its columns, orders is not there yet.
func schemaCatalog(t testing.TB, declared ...config.DeclaredTable) *Catalog {
	t.Helper()
	cfg, err := config.Parse([]byte(schemaFile), "serval.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if cfg, err = cfg.WithDeclared(declared); err != nil {
		t.Fatal(err)
	}
	cat := &Catalog{Config: cfg, Databases: map[string]*Database{}}
	for _, g := range cfg.Groups {
		cat.Groups = append(cat.Groups, g.Name)
	}
	columns := map[string][]Column{
		"users": {{Name: "user_id", DataType: "bigint", Primary: true}, {Name: "name", DataType: "varchar", CharLength: 20, Collation: "utf8mb4_general_ci"}},
		"names": {{Name: "name", DataType: "varchar", CharLength: 20, Collation: "utf8mb4_general_ci"}, {Name: "n", DataType: "int"}},
	}
	for i := range cfg.Databases {
		c := &cfg.Databases[i]
		d := &Database{Name: c.Name, DefaultGroup: c.DefaultGroup, Physical: c.Physical, Collation: "utf8mb4_general_ci", Tables: map[string]*Table{}}
		for j := range c.Tables {
			tb := NewTable(d, &c.Tables[j])
			if tb.Columns = columns[tb.Name]; tb.Declared != nil {
				tb.Columns = []Column{{Name: tb.Key, DataType: "bigint"}}
			}
			if tb.Kind == Sharded {
				if tb.Algorithm, err = NewAlgorithm(c.Tables[j].Shard, tb.KeyColumn()); err != nil {
					t.Fatal(err)
				}
			}
			d.Tables[tb.Name] = tb
		}
		cat.Databases[d.Name] = d
	}
	settings := &Table{Database: "shop", Name: "settings", Shards: []Shard{{"g0", "shop_main", "settings"}}, Columns: []Column{{Name: "id"}}}
	cat.Databases["shop"].Tables["settings"] = settings
	for _, d := range cat.Databases {
		for _, tb := range d.Tables {
			tb.Seal()
		}
	}
	return cat
}

// schemaTexts plans a schema change and shows each text as "group: sql".
func schemaTexts(cat *Catalog, sql string) (*Plan, []string, error) {
	var st fingerprint.Statement
	st.Scan([]byte(sql), 0)
	p, err := NewPlanner().Plan(&st, "shop", cat)
	if err != nil {
		return nil, nil, err
	}
	var texts []string
	if p.Kind == KindSchema {
		for _, place := range p.Schema.Places {
			texts = append(texts, place.Group+": "+place.SQL)
		}
		return p, texts, nil
	}
	var r Route
	if err := r.Resolve(p, &st); err != nil {
		return nil, nil, err
	}
	return p, []string{p.Groups[0] + "! " + string(r.SQL(nil, 0, &st, &rewrite.Arguments{}))}, nil
}

func TestSchemaTexts(t *testing.T) {
	declared := []config.DeclaredTable{{Database: "shop", Name: "visits", Declaration: config.Declaration{
		Kind: config.Sharded, Column: "vid", Shards: 2, Algorithm: "hash_mod", Groups: []string{"g0", "g1"}}}}
	cat := schemaCatalog(t, declared...)
	tests := []struct{ sql, want string }{
		{"CREATE TABLE t (id INT)", "g0! CREATE TABLE t (id INT)"},
		{"CREATE TABLE shop.t (id INT)", "g0! CREATE TABLE `shop_main`.`t` (id INT)"},
		{"CREATE TABLE audit (id INT)", "g1! CREATE TABLE audit (id INT)"},
		{"create table if not exists orders (id bigint auto_increment primary key, user_id bigint not null, key (user_id)) engine=innodb",
			"g0: create table if not exists `shop_main`.`orders_0` (id bigint auto_increment primary key, user_id bigint not null, key (user_id)) engine=innodb | " +
				"g1: create table if not exists `shop_main`.`orders_1` (id bigint auto_increment primary key, user_id bigint not null, key (user_id)) engine=innodb"},
		{"CREATE TABLE orders (user_id BIGINT, CONSTRAINT `fk` FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE CASCADE)",
			"g0: CREATE TABLE `shop_main`.`orders_0` (user_id BIGINT, CONSTRAINT `fk#0` FOREIGN KEY (user_id) REFERENCES `shop_main`.`users_0` (user_id) ON DELETE CASCADE) | " +
				"g1: CREATE TABLE `shop_main`.`orders_1` (user_id BIGINT, CONSTRAINT `fk#1` FOREIGN KEY (user_id) REFERENCES `shop_main`.`users_1` (user_id) ON DELETE CASCADE)"},
		{"CREATE TABLE orders (user_id BIGINT, pid INT, n INT CONSTRAINT pos CHECK (n > 0), FOREIGN KEY (pid) REFERENCES shop.products (id))",
			"g0: CREATE TABLE `shop_main`.`orders_0` (user_id BIGINT, pid INT, n INT CONSTRAINT `pos#0` CHECK (n > 0), FOREIGN KEY (pid) REFERENCES `shop_main`.`products` (id)) | " +
				"g1: CREATE TABLE `shop_main`.`orders_1` (user_id BIGINT, pid INT, n INT CONSTRAINT `pos#1` CHECK (n > 0), FOREIGN KEY (pid) REFERENCES `shop_main`.`products` (id))"},
		{"CREATE TABLE products (id INT PRIMARY KEY, CONSTRAINT c CHECK (id > 0))",
			"g0: CREATE TABLE `shop_main`.`products` (id INT PRIMARY KEY, CONSTRAINT c CHECK (id > 0)) | g1: CREATE TABLE `shop_main`.`products` (id INT PRIMARY KEY, CONSTRAINT c CHECK (id > 0))"},
		{"CREATE TABLE carts (cart INT PRIMARY KEY) COMMENT 'shard_by=cart; shards=2'",
			"g0: CREATE TABLE `shop_main`.`carts_0` (cart INT PRIMARY KEY) COMMENT 'shard_by=cart; shards=2' | g1: CREATE TABLE `shop_main`.`carts_1` (cart INT PRIMARY KEY) COMMENT 'shard_by=cart; shards=2'"},
		{"CREATE TABLE carts (user_id INT PRIMARY KEY) COMMENT='of users; shard_by=user_id; bind=users'",
			"g0: CREATE TABLE `shop_main`.`carts_0` (user_id INT PRIMARY KEY) COMMENT='of users; shard_by=user_id; bind=users' | g1: CREATE TABLE `shop_main`.`carts_1` (user_id INT PRIMARY KEY) COMMENT='of users; shard_by=user_id; bind=users'"},
		{"CREATE TABLE c (id INT) COMMENT 'broadcast'", "g0: CREATE TABLE `shop_main`.`c` (id INT) COMMENT 'broadcast' | g1: CREATE TABLE `shop_main`.`c` (id INT) COMMENT 'broadcast'"},
		{"CREATE TABLE c (id INT) COMMENT 'group=g1'", "g1: CREATE TABLE `shop_main`.`c` (id INT) COMMENT 'group=g1'"},
		{"CREATE TABLE v2 LIKE visits", "g0: CREATE TABLE `shop_main`.`v2_0` LIKE `shop_main`.`visits_0` | g1: CREATE TABLE `shop_main`.`v2_1` LIKE `shop_main`.`visits_1`"},
		{"CREATE TABLE s2 (LIKE settings)", "g0! CREATE TABLE s2 (LIKE settings)"},
		{"ALTER TABLE users ADD COLUMN x INT AFTER name, ADD INDEX (x), DROP FOREIGN KEY users_ibfk_1, DROP CHECK pos",
			"g0: ALTER TABLE `shop_main`.`users_0` ADD COLUMN x INT AFTER name, ADD INDEX (x), DROP FOREIGN KEY `users_0_ibfk_1`, DROP CHECK `pos#0` | " +
				"g1: ALTER TABLE `shop_main`.`users_1` ADD COLUMN x INT AFTER name, ADD INDEX (x), DROP FOREIGN KEY `users_1_ibfk_1`, DROP CHECK `pos#1`"},
		{"ALTER TABLE names MODIFY name VARCHAR(40) NOT NULL", "g0: ALTER TABLE `shop_main`.`names_0` MODIFY name VARCHAR(40) NOT NULL | g1: ALTER TABLE `shop_main`.`names_1` MODIFY name VARCHAR(40) NOT NULL"},
		{"CREATE TABLE shop.t (a INT DEFAULT 1) SELECT 1 AS b", "g0! CREATE TABLE `shop_main`.`t` (a INT DEFAULT 1) SELECT 1 AS b"},
		{"CREATE DATABASE shop CHARACTER SET utf8mb4", "g0: CREATE DATABASE `shop_main` CHARACTER SET utf8mb4 | g1: CREATE DATABASE IF NOT EXISTS `shop_main` CHARACTER SET utf8mb4"},
		{"create schema if not exists `shop`", "g0: CREATE DATABASE IF NOT EXISTS `shop_main` | g1: CREATE DATABASE IF NOT EXISTS `shop_main`"},
		{"CREATE TABLE t SELECT * FROM settings", "g0! CREATE TABLE t SELECT * FROM settings"},
		{"CREATE TABLE IF NOT EXISTS shop.t (id INT KEY) AS SELECT s.id x, shop.p.id FROM shop.settings AS s JOIN shop.products p",
			"g0! CREATE TABLE IF NOT EXISTS `shop_main`.`t` (id INT KEY) AS SELECT s.id x, `shop_main`.p.id FROM `shop_main`.settings AS s JOIN `shop_main`.products p"},
		{"CREATE TABLE audit AS SELECT id FROM products", "g1! CREATE TABLE audit AS SELECT id FROM products"},
		{"DROP TABLE IF EXISTS users, settings", "g0: DROP TABLE IF EXISTS `shop_main`.`users_0` | g0: DROP TABLE IF EXISTS `shop_main`.`settings` | g1: DROP TABLE IF EXISTS `shop_main`.`users_1`"},
		{"DROP TABLE settings", "g0! DROP TABLE settings"},
		{"DROP VIEW IF EXISTS v, shop.w", "g0! DROP VIEW IF EXISTS v, `shop_main`.`w`"},
		{"TRUNCATE users", "g0: TRUNCATE `shop_main`.`users_0` | g1: TRUNCATE `shop_main`.`users_1`"},
		{"TRUNCATE TABLE shop.products", "g0: TRUNCATE TABLE `shop_main`.`products` | g1: TRUNCATE TABLE `shop_main`.`products`"},
		{"CREATE INDEX i ON users (name)", "g0: CREATE INDEX i ON `shop_main`.`users_0` (name) | g1: CREATE INDEX i ON `shop_main`.`users_1` (name)"},
		{"DROP INDEX i ON users", "g0: DROP INDEX i ON `shop_main`.`users_0` | g1: DROP INDEX i ON `shop_main`.`users_1`"},
		{"RENAME TABLE visits TO seen", "g0: RENAME TABLE `shop_main`.`visits_0` TO `shop_main`.`seen_0` | g1: RENAME TABLE `shop_main`.`visits_1` TO `shop_main`.`seen_1`"},
		{"ALTER TABLE visits RENAME TO seen", "g0: RENAME TABLE `shop_main`.`visits_0` TO `shop_main`.`seen_0` | g1: RENAME TABLE `shop_main`.`visits_1` TO `shop_main`.`seen_1`"},
		{"RENAME TABLE settings TO s2, s2 TO shop.s3", "g0! RENAME TABLE settings TO s2, s2 TO `shop_main`.`s3`"},
		{"RENAME TABLE visits TO tmp, settings TO visits, tmp TO settings",
			"g0: RENAME TABLE `shop_main`.`visits_0` TO `shop_main`.`tmp_0`, `shop_main`.`settings` TO `shop_main`.`visits`, `shop_main`.`tmp_0` TO `shop_main`.`settings_0` | " +
				"g1: RENAME TABLE `shop_main`.`visits_1` TO `shop_main`.`tmp_1`, `shop_main`.`tmp_1` TO `shop_main`.`settings_1`"},
	}
	for _, tt := range tests {
		t.Run(tt.sql, func(t *testing.T) {
			_, texts, err := schemaTexts(cat, tt.sql)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(texts, " | "); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestSchemaRefusals(t *testing.T) {
	cat := schemaCatalog(t, config.DeclaredTable{Database: "shop", Name: "visits", Declaration: config.Declaration{
		Kind: config.Sharded, Column: "vid", Shards: 2, Algorithm: "hash_mod", Groups: []string{"g0", "g1"}}})
	tests := []struct{ sql, want string }{
		{"CREATE TABLE orders (id INT)", "without the shard key on table 'shop.orders'"},
		{"CREATE TABLE orders (id INT PRIMARY KEY, user_id INT)", "PRIMARY KEY without the shard key"},
		{"CREATE TABLE orders (user_id INT PRIMARY KEY, email VARCHAR(20) UNIQUE)", "lookup"},
		{"CREATE TABLE names (name VARCHAR(20), UNIQUE KEY (name(3)))", "without the shard key"},
		{"CREATE TABLE orders (user_id DOUBLE)", "this shard key"},
		{"CREATE TABLE orders (user_id VARCHAR(10))", "binding it to users"},
		{"CREATE TABLE carts (c VARCHAR(10) COLLATE utf8mb4_turkish_ci) COMMENT 'shard_by=c'", "utf8mb4_turkish_ci"},
		{"CREATE TABLE carts (c INT) COMMENT 'shard_by=d'", "add the column d"},
		{"CREATE TABLE carts (c INT) COMMENT 'shardby=c'", "did you mean \"shard_by\""},
		{"CREATE TABLE carts (c INT) COMMENT 'shard_by=c; shard=3'", "did you mean \"shards\""},
		{"CREATE TABLE carts (c INT) COMMENT 'shard_by=c; shards=x'", "shards=x"},
		{"CREATE TABLE carts (c INT) COMMENT 'shard_by=c; groups=g7'", "g7"},
		{"CREATE TABLE carts (c INT) COMMENT 'shard_by=c; bind=nothing'", "bind=nothing"},
		{"CREATE TABLE carts (c INT) COMMENT 'group=g7'", "g7"},
		{"CREATE TABLE orders (user_id INT) COMMENT 'shard_by=user_id; shards=9'", "the configuration says otherwise"},
		{"CREATE TABLE orders (user_id INT, FOREIGN KEY (user_id) REFERENCES names (n))", "not bound"},
		{"CREATE TABLE orders (user_id INT, x INT, FOREIGN KEY (x) REFERENCES users (user_id))", "must pair"},
		{"CREATE TABLE orders (user_id INT, x INT REFERENCES settings (id))", "broadcast"},
		{"CREATE TABLE orders (user_id INT, FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE SET NULL)", "ON DELETE SET NULL"},
		{"CREATE TABLE t (u INT, FOREIGN KEY (u) REFERENCES users (user_id))", "is sharded and this table is not"},
		{"CREATE TABLE audit (u INT, FOREIGN KEY (u) REFERENCES settings (id))", "put them together"},
		{"ALTER TABLE users DROP COLUMN user_id", "dropping the shard key"},
		{"ALTER TABLE users CHANGE user_id uid BIGINT", "renaming the shard key"},
		{"ALTER TABLE users MODIFY user_id INT", "does not hold all values"},
		{"ALTER TABLE users MODIFY user_id VARCHAR(20)", "of different types"},
		{"ALTER TABLE names MODIFY name VARCHAR(40) COLLATE utf8mb4_bin", "collations"},
		{"ALTER TABLE names CONVERT TO CHARACTER SET latin1", "CONVERT"},
		{"ALTER TABLE users ADD UNIQUE (name)", "without the shard key"},
		{"CREATE UNIQUE INDEX i ON users (name)", "without the shard key"},
		{"ALTER TABLE users ADD COLUMN id BIGINT AUTO_INCREMENT UNIQUE", "number its rows"},
		{"ALTER TABLE users COMMENT 'shard_by=name'", "rows stay"},
		{"ALTER TABLE settings COMMENT 'broadcast'", "rows stay"},
		{"ALTER TABLE products ADD COLUMN u CHAR(36) DEFAULT (UUID())", "each copy"},
		{"ALTER TABLE users EXCHANGE PARTITION p WITH TABLE settings", "this form of ALTER TABLE"},
		{"RENAME TABLE users TO people", "the configuration names"},
		{"RENAME TABLE settings TO orders", "the configuration names"},
		{"RENAME TABLE visits TO plain.visits", "another database"},
		{"RENAME TABLE visits TO settings", "already exists"},
		{"CREATE TABLE t SELECT * FROM users", "SELECT from a sharded table"},
		{"CREATE TABLE t SELECT * FROM users WHERE user_id = 1", "SELECT from a sharded table"},
		{"CREATE TABLE users SELECT 1 AS user_id", "create the table with its columns"},
		{"CREATE TABLE t (a INT) COMMENT 'shard_by=a' SELECT 1 AS a", "create the table with its columns"},
		{"CREATE TABLE t (id INT AUTO_INCREMENT KEY) SELECT 1 AS a", "AUTO_INCREMENT column"},
		{"CREATE TABLE audit SELECT * FROM settings", "not in group g1"},
		{"CREATE TABLE t SELECT DATABASE() AS d", "functions of the session"},
		{"CREATE DATABASE another", "under databases"},
		{"DROP DATABASE shop", "out of the configuration"},
		{"DROP DATABASE nosuch", "Can't drop database 'nosuch'; database doesn't exist"},
		{"DROP DATABASE IF EXISTS nosuch", "on the servers"},
		{"ALTER DATABASE shop COLLATE utf8mb4_bin", "alter the database on the servers"},
		{"CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW SET @a = 1", "users"},
		{"CREATE OR REPLACE VIEW users AS SELECT 1 AS a", "a stored program or view that names"},
		{"ANALYZE TABLE users", "ANALYZE TABLE"},
	}
	for _, tt := range tests {
		t.Run(tt.sql, func(t *testing.T) {
			_, texts, err := schemaTexts(cat, tt.sql)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, texts %q; want %q", err, texts, tt.want)
			}
		})
	}
}
