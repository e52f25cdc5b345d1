package e2e

// verify_test.go: serval verify on tables as they should be, and on tables that were broken by hand.

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"serval/e2e/servers"
	"serval/proxy"
	"serval/proxy/backend"
	"serval/proxy/verify"
)

func TestVerify(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			faults := func() string {
				t.Helper()
				pools := backend.Open(b.Config.Groups, nil)
				defer pools.Close()
				cat, err := proxy.ReadCatalog(context.Background(), b.Config, pools, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				_, list, err := verify.Run(context.Background(), pools, cat, verify.Checks())
				if err != nil {
					t.Fatal(err)
				}
				var lines []string
				for _, f := range list {
					lines = append(lines, f.String())
				}
				return strings.Join(lines, "\n")
			}
			if said := faults(); said != "" {
				t.Fatalf("faults where there are none:\n%s", said)
			}
			breakings := []struct {
				node      int
				sql, want string
			}{
				{1, "UPDATE shop_main.products SET price = price + 0.01 LIMIT 1", "shop.products: the copy in group g1 (`shop_main`.`products`) has other values than the copy in group g0"},
				{2, "DELETE FROM shop_main.products LIMIT 1", "shop.products: the copy in group side (`shop_main`.`products`) has "},
				{1, "ALTER TABLE shop_o.orders_5 ADD COLUMN odd INT", "shop.orders: shard 5 (`shop_o`.`orders_5` in group g1) is not made like shard 0"},
				{0, "INSERT INTO shop_0.users (user_id) VALUES (100001)", "shop.users: shard 0 (`shop_0`.`users` in group g0) has rows of 1 keys that belong elsewhere: user_id = \"100001\" belongs to shard 1"},
				{0, "INSERT INTO shop_misc.sessions_0 (sid) VALUES ('Stray-1'), ('Stray-2'), ('Stray-3'), ('Stray-4'), ('Stray-5'), ('Stray-6')", "shop.sessions: shard 0"},
			}
			for _, broken := range breakings {
				if err := b.Nodes[broken.node].Exec(broken.sql); err != nil {
					t.Fatal(err)
				}
			}
			said := faults()
			for _, broken := range breakings {
				if !strings.Contains(said, broken.want) {
					t.Errorf("after %s it does not say %q:\n%s", broken.sql, broken.want, said)
				}
			}
			if n := strings.Count(said, "\n") + 1; n != 5 {
				t.Errorf("%d faults, want 5:\n%s", n, said)
			}
		})
	}
}
