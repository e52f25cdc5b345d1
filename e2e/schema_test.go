package e2e

// schema_test.go: one server to look at, where a line of cases does not do: views, triggers and stored programs, users who
// may see a part, numbers over all shards.

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestSchema(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			t.Run("objects", b.storedObjects)
			t.Run("restricted user", b.restrictedUser)
			t.Run("numbers", b.numbersOverShards)
			t.Run("indexes", b.indexesOfShards)
		})
	}
}

// comparison is two connections of one user.
type comparison struct {
	t             *testing.T
	kind          servers.Kind
	plain, serval *raw.Conn
}

func (b *bed) compareAs(t *testing.T, user, password string) *comparison {
	t.Helper()
	c := &comparison{t: t, kind: b.Kind}
	for addr, conn := range map[string]**raw.Conn{b.Plain.Addr(): &c.plain, b.addr: &c.serval} {
		var err error
		if *conn, err = raw.Dial(addr, raw.Options{User: user, Password: password, Database: "shop"}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup((*conn).Close)
	}
	return c
}

// same runs statements on both sides: those with a leading "mysql:" or "mariadb:" on that kind only.
func (c *comparison) same(statements ...string) {
	c.t.Helper()
	for _, sql := range statements {
		if kind, rest, ok := strings.Cut(sql, ": "); ok {
			if kind != string(c.kind) {
				continue
			}
			sql = rest
		}
		plain, err := c.plain.Query(sql)
		if err != nil {
			c.t.Fatal(err)
		}
		serval, err := c.serval.Query(sql)
		if err != nil {
			c.t.Fatalf("%s: %v", sql, err)
		}
		views := c.kind == servers.MySQL
		if d := difference(plain, serval, &testCase{sql: sql, views: views, ignore: "warnings"}); d != "" {
			c.t.Errorf("%s\n%s", clip(sql), d)
		}
	}
}

// storedObjects compares a view, a trigger, stored programs and an event, made on the servers.
func (b *bed) storedObjects(t *testing.T) {
	make := func(s *servers.Server, database string) {
		t.Helper()
		if err := s.Exec("USE "+database,
			"CREATE VIEW v_settings AS SELECT name, n FROM settings WHERE n > 0",
			"CREATE TABLE parents (id INT PRIMARY KEY, CONSTRAINT positive CHECK (id > 0))",
			"CREATE TABLE children (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE)",
			"CREATE TRIGGER settings_bi BEFORE INSERT ON settings FOR EACH ROW SET NEW.n = COALESCE(NEW.n, 0)",
			"CREATE PROCEDURE p_count(IN least INT, OUT many INT) SELECT COUNT(*) INTO many FROM settings WHERE n >= least",
			"CREATE FUNCTION f_twice(a INT) RETURNS INT DETERMINISTIC RETURN a * 2",
			"CREATE EVENT e_once ON SCHEDULE AT '2037-01-01 00:00:00' DISABLE DO DELETE FROM counters WHERE id < 0"); err != nil {
			t.Fatal(err)
		}
	}
	make(b.Plain, "shop")
	make(b.Node("g0"), "shop_main")
	c := b.compareAs(t, servers.User, servers.Password)
	c.same("SHOW FULL TABLES", "SHOW FULL TABLES WHERE Table_type = 'VIEW'", "SHOW CREATE VIEW v_settings", "SHOW CREATE TABLE v_settings",
		"SHOW CREATE VIEW shop.v_settings", "DESC v_settings", "SELECT * FROM v_settings ORDER BY name",
		"SELECT * FROM information_schema.views WHERE table_schema = 'shop'",
		"mysql: SELECT * FROM information_schema.view_table_usage WHERE view_schema = 'shop'",
		"SELECT table_name, table_type, engine, table_comment FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY table_name",
		"SELECT * FROM information_schema.referential_constraints WHERE constraint_schema = 'shop'",
		"SELECT * FROM information_schema.key_column_usage WHERE table_schema = 'shop' AND table_name = 'children' ORDER BY constraint_name",
		"SELECT * FROM information_schema.check_constraints WHERE constraint_schema = 'shop' AND constraint_name = 'positive'",
		"SELECT * FROM information_schema.table_constraints WHERE table_schema = 'shop' AND table_name IN ('parents', 'children') ORDER BY table_name, constraint_name",
		"SHOW CREATE TABLE children", "SHOW CREATE TABLE parents",
		"SELECT trigger_schema, trigger_name, event_object_schema, event_object_table, action_statement, action_timing, definer, sql_mode FROM information_schema.triggers WHERE trigger_schema = 'shop'",
		"SELECT routine_schema, routine_name, routine_type, routine_definition, data_type, definer FROM information_schema.routines WHERE routine_schema = 'shop' ORDER BY routine_name",
		"SELECT specific_schema, specific_name, ordinal_position, parameter_mode, parameter_name, data_type FROM information_schema.parameters WHERE specific_schema = 'shop' ORDER BY specific_name, ordinal_position",
		"SELECT event_schema, event_name, definer, event_definition, execute_at, status FROM information_schema.events WHERE event_schema = 'shop'",
		"SHOW CREATE PROCEDURE p_count", "SHOW CREATE FUNCTION shop.f_twice", "SHOW CREATE EVENT e_once", "SHOW EVENTS", "SHOW EVENTS LIKE 'e%'",
		"SHOW TRIGGERS LIKE 'nosuch'", "SHOW TRIGGERS WHERE `Trigger` = 'nosuch'", "SHOW PROCEDURE STATUS LIKE 'nosuch'",
		"SHOW CREATE PROCEDURE nosuch", "SHOW CREATE TRIGGER nosuch", "SHOW CREATE VIEW settings")
	for sql, want := range map[string]string{
		"SHOW TRIGGERS": "settings_bi", "SHOW TRIGGERS LIKE 'settings'": "settings_bi", "SHOW PROCEDURE STATUS WHERE Db = 'shop'": "shop",
		"SHOW FUNCTION STATUS LIKE 'f%'": "shop", "SHOW CREATE TRIGGER settings_bi": "settings_bi",
	} {
		a := one(t, c.serval, sql)
		if rows := texts(a); len(rows) != 1 || !strings.HasPrefix(rows[0], want+"/") || strings.Contains(rows[0], "shop_main") {
			t.Errorf("%s: %v", sql, rows)
		}
	}
}

// one runs a statement that answers once.
func one(t *testing.T, c *raw.Conn, sql string) *raw.Answer {
	t.Helper()
	answers, err := c.Query(sql)
	if err != nil || len(answers) != 1 {
		t.Fatalf("%s: %v %s", sql, err, describe(answers))
	}
	return &answers[0]
}

// restrictedUser compares what a user of one database sees with what the plain server shows to one that has all rights on
// that database and no others.
func (b *bed) restrictedUser(t *testing.T) {
	if err := b.Plain.Exec("CREATE USER shoponly IDENTIFIED BY 'secret'", "GRANT ALL PRIVILEGES ON shop.* TO shoponly"); err != nil {
		t.Fatal(err)
	}
	c := b.compareAs(t, "shoponly", "secret")
	c.same("mysql: SHOW DATABASES", "mysql: SELECT schema_name FROM information_schema.schemata ORDER BY schema_name",
		"SHOW DATABASES LIKE '%o%'", "SHOW DATABASES LIKE 'crm'",
		"SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT LIKE 'performance%' ORDER BY schema_name",
		"SELECT DISTINCT table_schema FROM information_schema.tables WHERE table_schema NOT LIKE 'performance%' ORDER BY table_schema",
		"SELECT DISTINCT table_schema FROM information_schema.columns WHERE table_schema NOT LIKE 'performance%' ORDER BY table_schema",
		"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'crm'",
		"SELECT * FROM information_schema.statistics WHERE table_schema IN ('crm', 'mysql')",
		"SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'shop'",
		"SELECT * FROM information_schema.user_privileges",
		"SELECT COUNT(*) FROM information_schema.table_privileges",
		"mysql: SELECT grantee, table_schema, privilege_type, is_grantable FROM information_schema.schema_privileges ORDER BY privilege_type",
		"mysql: SHOW GRANTS", "mysql: SHOW GRANTS FOR CURRENT_USER()", "mysql: SHOW GRANTS FOR app",
		"USE crm", "SHOW TABLES FROM crm", "SHOW TABLE STATUS FROM crm", "SHOW CREATE DATABASE crm", "SHOW TABLES FROM mysql",
		"mysql: SELECT * FROM mysql.user", "mysql: SELECT * FROM performance_schema.threads", "mariadb: SELECT * FROM mysql.global_priv",
		"SELECT * FROM information_schema.innodb_trx", "SHOW ENGINE INNODB STATUS", "UPDATE information_schema.tables SET table_name = 'x'",
		"mysql: SELECT COUNT(*) FROM performance_schema.session_variables WHERE variable_name = 'sql_mode'",
		"USE information_schema", "SELECT DATABASE()", "SHOW TABLES LIKE 'TABLES'", "SELECT table_name FROM tables WHERE table_schema = 'shop' ORDER BY 1")
	for _, sql := range []string{"SHOW MASTER STATUS", "SHOW BINARY LOG STATUS", "SHOW BINARY LOGS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS"} {
		if a := one(t, c.serval, sql); a.Code != 1227 {
			t.Errorf("%s: %s", sql, describe([]raw.Answer{*a}))
		}
	}
	rows := texts(one(t, c.serval, "SHOW GRANTS"))
	if want := "GRANT ALL PRIVILEGES ON `shop`.* TO `shoponly`@`%`"; len(rows) != 2 || rows[1] != want {
		t.Errorf("grants: %v", rows)
	}
}

// numbersOverShards checks row counts and sizes.
func (b *bed) numbersOverShards(t *testing.T) {
	places, size := 0, 0
	for i := range b.Tables {
		if b.Tables[i].Name != "orders" {
			continue
		}
		for _, p := range b.Tables[i].Places {
			places++
			if err := p.Node.Exec(fmt.Sprintf("ANALYZE TABLE `%s`.`%s`", p.Database, p.Table)); err != nil {
				t.Fatal(err)
			}
			rows, err := p.Node.Query(fmt.Sprintf("SELECT data_length + index_length FROM information_schema.tables WHERE table_schema = '%s' AND table_name = '%s'", p.Database, p.Table))
			if err != nil {
				t.Fatal(err)
			}
			n, err := strconv.Atoi(rows[0][0])
			if err != nil {
				t.Fatal(err)
			}
			size += n
		}
	}
	c := dial(t, b.addr, "shop")
	defer c.Close()
	if b.Kind == servers.MySQL {
		one(t, c, "SET information_schema_stats_expiry = 0")
	}
	total := 0
	for _, p := range b.Tables {
		if p.Name == "orders" {
			for _, place := range p.Places {
				rows, err := place.Node.Query(fmt.Sprintf("SELECT COUNT(*) FROM `%s`.`%s`", place.Database, place.Table))
				if err != nil {
					t.Fatal(err)
				}
				n, err := strconv.Atoi(rows[0][0])
				if err != nil {
					t.Fatal(err)
				}
				total += n
			}
		}
	}
	want := fmt.Sprintf("orders/%d/%d", total, size)
	got := texts(one(t, c, "SELECT table_name, table_rows, data_length + index_length FROM information_schema.tables WHERE table_schema = 'shop' AND table_name = 'orders'"))
	if len(got) != 1 || got[0] != want || places != 8 {
		t.Errorf("%v in %d places, want %s", got, places, want)
	}
	status := one(t, c, "SHOW TABLE STATUS LIKE 'orders'")
	if rows := texts(status); len(rows) != 1 || !strings.HasPrefix(rows[0], "orders/InnoDB/") || !strings.Contains(rows[0], fmt.Sprintf("/Dynamic/%d/", total)) {
		t.Errorf("SHOW TABLE STATUS: %v", rows)
	}
}

// indexesOfShards compares SHOW INDEX but for the cardinalities, which are estimates.
func (b *bed) indexesOfShards(t *testing.T) {
	c := b.compareAs(t, servers.User, servers.Password)
	for _, sql := range []string{"SHOW INDEX FROM orders", "SHOW KEYS FROM order_items WHERE Key_name = 'once'", "SHOW INDEX FROM settings", "SHOW INDEX FROM users"} {
		plain, serval := one(t, c.plain, sql), one(t, c.serval, sql)
		for _, a := range []*raw.Answer{plain, serval} {
			for i, row := range a.Rows {
				values, err := raw.Values(row, len(a.Columns))
				if err != nil {
					t.Fatal(err)
				}
				values[6] = raw.Value{Null: true}
				a.Rows[i] = fmt.Append(nil, values)
			}
		}
		if rowDifference(plain, serval, false) != "" || len(serval.Rows) == 0 {
			t.Errorf("%s\n  plain:  %s\n  serval: %s", sql, plain.Rows, serval.Rows)
		}
	}
}
