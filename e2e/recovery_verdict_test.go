package e2e

// recovery_verdict_test.go: a group's store, the decisions in it, and branches that are finished by hand.

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/config"
	"serval/e2e/servers"
	"serval/proxy/txn"
)

func TestStoreIsMadeOnce(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			var wait sync.WaitGroup
			ids := make([]string, 8)
			for i := range ids {
				m := d.manager(t)
				wait.Go(func() {
					var err error
					if ids[i], err = m.Store(t.Context(), "g0"); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
			for _, id := range ids {
				if id != ids[0] || len(id) != 16 {
					t.Fatalf("store ids %q, want one", ids)
				}
			}
			m := d.manager(t)
			if other := storeOf(t, m, "g1"); other == ids[0] {
				t.Fatal("two groups have one store id")
			}
			if err := d.nodes[1].Exec("UPDATE serval.store SET id = '" + ids[0] + "'"); err != nil { // as a copy of g0 would have it
				t.Fatal(err)
			}
			copied := d.manager(t)
			storeOf(t, copied, "g0")
			if _, err := copied.Store(t.Context(), "g1"); err == nil || !strings.Contains(err.Error(), "one is a copy of the other") {
				t.Errorf("the store of a copied group: %v", err)
			}
			shared := &doubt{groups: []config.Group{d.groups[0], {Name: "g2", Primary: d.groups[0].Primary}}}
			both := shared.manager(t)
			if a, b := storeOf(t, both, "g0"), storeOf(t, both, "g2"); a != b {
				t.Errorf("two groups on one server have the stores %s and %s", a, b)
			}
			d.storeRefusals(t)
		})
	}
}

// storeRefusals takes privileges from the account and reads what Store says.
func (d *doubt) storeRefusals(t *testing.T) {
	t.Helper()
	if err := d.nodes[0].Exec("DROP DATABASE serval", "CREATE USER poor@'%' IDENTIFIED BY 'poor'", "GRANT SELECT ON d.* TO poor@'%'"); err != nil {
		t.Fatal(err)
	}
	poor := &doubt{groups: slices.Clone(d.groups)}
	poor.groups[0].Primary.User, poor.groups[0].Primary.Password = "poor", "poor"
	missing := []string{"SELECT", "CREATE", "INSERT", "UPDATE", "DELETE"}
	if d.nodes[0].Kind == servers.MySQL {
		missing = append(missing, "XA_RECOVER_ADMIN")
	}
	for _, privilege := range missing {
		_, err := poor.manager(t).Store(t.Context(), "g0")
		if err == nil || !strings.Contains(err.Error(), "the privilege "+privilege+" on ") || !strings.Contains(err.Error(), "group g0") {
			t.Errorf("without %s: %v", privilege, err)
		}
		on := "serval.*"
		if privilege == "XA_RECOVER_ADMIN" {
			on = "*.*"
		}
		if err := d.nodes[0].Exec("GRANT " + privilege + " ON " + on + " TO poor@'%'"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := poor.manager(t).Store(t.Context(), "g0"); err != nil {
		t.Errorf("with all privileges: %v", err)
	}
}

func TestResolve(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			m := d.manager(t)
			store, branches := storeOf(t, m, "g0"), []string{storeOf(t, m, "g1")}
			want := func(id txn.ID, v txn.Verdict) {
				t.Helper()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				for _, asker := range []*txn.Manager{m, d.manager(t)} {
					if got, err := asker.Resolve(ctx, id); err != nil || got != v {
						t.Fatalf("verdict %q, %v, want %q", got, err, v)
					}
				}
			}
			c := d.connect(t, 0)
			committed := txn.NewID(store, c.GetConnectionID())
			run(t, c, "BEGIN", "INSERT INTO t VALUES (1, 0)", m.DecisionSQL(committed, branches), "COMMIT")
			want(committed, txn.Committed)

			want(txn.NewID(store, c.GetConnectionID()), txn.RolledBack) // undecided

			late := txn.NewID(store, c.GetConnectionID())
			want(late, txn.RolledBack)
			run(t, c, "BEGIN")
			if _, err := c.Execute(m.DecisionSQL(late, branches)); err == nil || !strings.Contains(err.Error(), "1062") {
				t.Fatalf("a decision after the verdict: %v", err)
			}
			run(t, c, "ROLLBACK")

			held := txn.NewID(store, c.GetConnectionID())
			run(t, c, "BEGIN", "INSERT INTO t VALUES (2, 0)", m.DecisionSQL(held, branches))
			want(held, txn.RolledBack) // its holder is cut off
			if _, err := c.Execute("COMMIT"); err == nil {
				t.Fatal("the holder's connection has survived")
			}
			if got := d.rows(t, 0); got != "[[1]]" {
				t.Fatalf("rows %s", got)
			}
			if _, err := m.Resolve(t.Context(), txn.NewID("00000000000000ff", 1)); err == nil {
				t.Fatal("a verdict on a transaction of another store")
			}
			d.nodes[0].Kill()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := m.Resolve(ctx, held); err == nil || !strings.Contains(err.Error(), "group g0") {
				t.Fatalf("verdict of a dead group: %v", err)
			}
		})
	}
}

// TestDecisionUnderAnySession: the decision row is the same whatever the client has set.
func TestDecisionUnderAnySession(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			m := d.manager(t)
			store := storeOf(t, m, "g0")
			for _, set := range []string{
				"SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", "SET sql_mode = 'ANSI,TRADITIONAL'", "SET sql_mode = ''",
				"SET NAMES gbk", "SET NAMES sjis", "SET character_set_connection = ucs2", "SET character_set_connection = utf32",
				"SET time_zone = '-11:00'", "SET timestamp = 1", "SET autocommit = 0", "SET sql_safe_updates = 1, sql_select_limit = 0",
				"SET unique_checks = 0, foreign_key_checks = 0", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
			} {
				c := d.connect(t, 0)
				id := txn.NewID(store, c.GetConnectionID())
				run(t, c, set, "BEGIN", m.DecisionSQL(id, []string{"00000000000000ff", "00000000000000aa", "00000000000000ff"}), "COMMIT")
				rows, err := d.nodes[0].Query(fmt.Sprintf("SELECT gtrid, verdict, participants FROM serval.xa_decision WHERE ABS(decided_at - %d) < 60 AND gtrid = '%s'", time.Now().Unix(), id))
				if want := fmt.Sprintf("[[%s commit 00000000000000aa,00000000000000ff]]", id); err != nil || fmt.Sprint(rows) != want {
					t.Errorf("%s: %v, %v, want %s", set, rows, err, want)
				}
			}
		})
	}
}

func TestFinishBranch(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			m := d.manager(t)
			store := storeOf(t, m, "g0")
			for row, v := range []txn.Verdict{txn.Committed, txn.RolledBack} {
				for _, attached := range []bool{true, false} {
					x, c := d.branch(t, 1, txn.NewID(store, 1), 10*row+1)
					if !attached {
						_ = c.Close()
					}
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					for range 2 { // the second time there is nothing left to do
						if err := m.FinishBranch(ctx, "g1", x, v); err != nil {
							t.Fatalf("%s, attached %v: %v", v, attached, err)
						}
					}
					cancel()
					want := "[[1]]"
					if got := d.rows(t, 1); got != want {
						t.Fatalf("%s, attached %v: rows %s, want %s", v, attached, got, want)
					}
					if v == txn.Committed && attached {
						run(t, d.connect(t, 1), "DELETE FROM t")
					}
				}
			}
		})
	}
}
