package router

import (
	"errors"
	"strings"
	"testing"

	"serval/rewrite/fingerprint"
)

// usersWithLookups is a database with a table of two lookup indexes: email is ready, nick is not there.
func usersWithLookups(t *testing.T) *Catalog {
	t.Helper()
	cat := shop(t)
	d := cat.Databases["shop"]
	users := d.Tables["users"]
	text := func(name string) Column {
		return Column{Name: name, DataType: "varchar", CharLength: 20, Collation: "utf8mb4_general_ci", Nullable: true}
	}
	users.Columns = append(users.Columns, text("email"), text("nick"))
	users.Columns[0].Primary = true
	users.Unique = []UniqueKey{{Name: "PRIMARY", Columns: []string{"user_id"}, Whole: true, NotNull: true}}
	for name, state := range map[string]LookupState{"email": LookupReady, "nick": LookupMissing} {
		of := &Table{Database: "shop", Name: LookupName("users", name), Kind: Sharded, Key: name, LookupOf: users,
			Columns: []Column{text(name), users.Columns[0]}}
		for _, s := range users.Shards {
			of.Shards = append(of.Shards, Shard{s.Group, s.Database, s.Table + "__" + name})
		}
		var err error
		if of.Algorithm, err = NewLookupAlgorithm(users.Column(name), 4); err != nil {
			t.Fatal(err)
		}
		of.Seal()
		users.Lookups = append(users.Lookups, &Lookup{Column: name, Table: of, State: state})
		d.Tables[of.Name] = of
	}
	return cat
}

func TestLookupPlans(t *testing.T) {
	cat := usersWithLookups(t)
	for sql, want := range map[string]string{
		"SELECT * FROM users WHERE email = 'a'":                                                "asks email 'a'",
		"SELECT * FROM users WHERE 'a' = email AND level > 3":                                  "asks email 'a'",
		"SELECT * FROM users u JOIN orders o ON o.user_id = u.user_id WHERE u.email = 'a'":     "asks email 'a'",
		"SELECT * FROM users WHERE email = 'a' OR level = 3":                                   "",
		"SELECT * FROM users WHERE email > 'a'":                                                "",
		"SELECT * FROM users WHERE nick = 'a'":                                                 "",
		"SELECT * FROM orders o LEFT JOIN users u ON u.user_id = o.user_id AND u.email = 'a'":  "asks email 'a'",
		"UPDATE users SET level = 1 WHERE email = 'a'":                                         "asks email 'a'",
		"UPDATE users SET email = 'b' WHERE user_id = 1":                                       "keeps email",
		"UPDATE users SET nick = 'b' WHERE user_id = 1":                                        "serval lookup build shop.users.nick",
		"UPDATE IGNORE users SET email = 'b' WHERE user_id = 1":                                "UPDATE IGNORE",
		"DELETE FROM users WHERE user_id = 1":                                                  "serval lookup build shop.users.nick",
		"INSERT INTO users (user_id, email) VALUES (1, 'a'), (2, 'b')":                         "keeps email",
		"INSERT INTO users (user_id, level) VALUES (1, 2)":                                     "",
		"INSERT INTO users (user_id, email) VALUES (1, CONCAT('a', 'b'))":                      "an expression as the value of email",
		"INSERT INTO users (user_id, email) VALUES (1, 'a') ON DUPLICATE KEY UPDATE level = 1": "ON DUPLICATE KEY UPDATE",
		"REPLACE INTO users (user_id, email) VALUES (1, 'a')":                                  "REPLACE",
	} {
		var st fingerprint.Statement
		st.Scan([]byte(sql), 0)
		p, err := NewPlanner().Plan(&st, "shop", cat)
		if got := lookupsOf(p, err, &st); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}

// lookupsOf says what a plan does with lookup indexes, or why there is none.
func lookupsOf(p *Plan, err error, st *fingerprint.Statement) string {
	var refused *Refusal
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case err != nil:
		return "error: " + err.Error()
	case p.Kept != nil:
		return "keeps " + p.Kept.Lookups[0].Column
	case len(p.Asked) > 0:
		text, _, _ := p.Asked[0].Literal(st)
		return "asks " + p.Asked[0].Lookup.Column + " " + string(text)
	}
	return ""
}

func TestNarrow(t *testing.T) {
	cat := usersWithLookups(t)
	var st fingerprint.Statement
	st.Scan([]byte("SELECT * FROM users WHERE email = 'a'"), 0)
	p, err := NewPlanner().Plan(&st, "shop", cat)
	if err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[string]int{"": 1, "5": 1, "5,6": 2, "5,9": 1, "x": 4} {
		var r Route
		var list [][]byte
		for _, k := range strings.Split(keys, ",") {
			if k != "" {
				list = append(list, []byte(k))
			}
		}
		r.Narrow(p, 0, list)
		if err := r.ResolveNarrowed(p, &st); err != nil || len(r.Legs) != want {
			t.Errorf("keys %q: %d legs, want %d (%v)", keys, len(r.Legs), want, err)
		}
		if err := r.Resolve(p, &st); err != nil || len(r.Legs) != 4 {
			t.Errorf("keys %q: the next statement has %d legs (%v)", keys, len(r.Legs), err)
		}
	}
}

func TestChangedRows(t *testing.T) {
	for sql, want := range map[string]string{
		"UPDATE users SET a = 1": "users |",
		"update low_priority ignore `t` AS u set a = 1 where u.b = 2": "`t` AS u |where u.b = 2",
		"DELETE FROM shop.users WHERE a IN (SELECT 1 WHERE 1)":        "shop.users |WHERE a IN (SELECT 1 WHERE 1)",
		"DELETE QUICK FROM users":                                     "users|",
	} {
		var st fingerprint.Statement
		st.Scan([]byte(sql), 0)
		table, where, ok := ChangedRows(&st)
		if got := table + "|" + where; !ok || got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}
