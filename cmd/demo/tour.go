package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
)

// tour.go: what the newcomer reads: how to connect, statements to try, and where Serval would send each one. The
// routes are not written here: Serval is asked for them, as anybody can with EXPLAIN ROUTE.

// stop is one statement of the tour.
type stop struct{ title, statement string }

var tour = []stop{
	{"The shard key is known: one shard answers",
		"SELECT name, city FROM users WHERE user_id = 7"},
	{"Tables that are cut alike, and a broadcast table: any SQL within one shard",
		"SELECT p.title, SUM(i.quantity) AS pieces FROM users u JOIN orders o ON o.user_id = u.user_id " +
			"JOIN order_items i ON i.user_id = o.user_id AND i.order_id = o.order_id " +
			"JOIN products p ON p.product_id = i.product_id WHERE u.user_id = 7 GROUP BY p.title"},
	{"The key is not known: every shard sorts, Serval merges",
		"SELECT user_id, order_id, total FROM orders ORDER BY total DESC, order_id LIMIT 5"},
	{"A write goes where its key says",
		"INSERT INTO users (user_id, name, city, joined) VALUES (1001, 'Zoe Keller', 'Lyon', '2026-11-01')"},
	{"A vertical table: whole in a group of its own",
		"SELECT id, who, what FROM audit_log ORDER BY id DESC LIMIT 3"},
}

// route is a row of EXPLAIN ROUTE.
type route struct{ shard, group, sql, plan, reason string }

// printTour writes the whole page. address is where Serval listens.
func printTour(ctx context.Context, out io.Writer, db *sql.DB, address string) error {
	var page strings.Builder
	printWelcome(&page, address)
	for i, s := range tour {
		routes, err := explain(ctx, db, s.statement)
		if err != nil {
			return fmt.Errorf("asking for the route of %q: %w", s.statement, err)
		}
		printStop(&page, i+1, s, routes)
	}
	page.WriteString("EXPLAIN ROUTE <statement> shows the route of any other. Ctrl-C ends the demo; its data is in memory only.\n")
	if _, err := io.WriteString(out, page.String()); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

func printWelcome(out *strings.Builder, address string) {
	host, port := clientAddress(address)
	fmt.Fprintf(out, "Serval is in front of three in-memory servers (groups %s) and listens on %s.\n\n",
		strings.Join(shopGroups[:], ", "), net.JoinHostPort(host, port))
	fmt.Fprintf(out, "  users, orders, order_items  cut by user_id into %d shards over %s\n",
		shardsPerGroup*len(shardGroups), strings.Join(shardGroups, " and "))
	fmt.Fprintf(out, "  products                    broadcast: whole in %s\n", strings.Join(shardGroups, " and "))
	fmt.Fprintf(out, "  audit_log                   vertical: whole in %s\n\n", shopGroups[2])
	out.WriteString("Connect with any client:\n\n")
	for _, client := range []string{"mariadb", "mysql"} {
		fmt.Fprintf(out, "  %-7s -h %s -P %s -u %s -p%s %s\n", client, host, port, appUser, appPassword, shopDatabase)
	}
	out.WriteString("\nFive statements to try, and where Serval sends each:\n\n")
}

// printStop writes one statement and its route.
func printStop(out *strings.Builder, number int, s stop, routes []route) {
	fmt.Fprintf(out, "%d. %s\n   %s;\n", number, s.title, s.statement)
	if len(routes) == 0 {
		out.WriteString("     route  no shard is asked\n\n")
		return
	}
	first := routes[0]
	fmt.Fprintf(out, "     route  %s (%s)\n", places(routes), first.plan)
	fmt.Fprintf(out, "     sends  %s\n", strings.TrimSpace(first.sql))
	if more := len(routes) - 1; more > 0 {
		fmt.Fprintf(out, "            and the like to the other %d\n", more)
	}
	fmt.Fprintf(out, "     why    %s\n\n", first.reason)
}

// places lists the shards, group by group in the order of the rows: "shards 0, 1 in g0; 4 in g1". A table that is not cut
// has no shards to list.
func places(routes []route) string {
	var groups []string
	shards := map[string][]string{}
	for _, r := range routes {
		if !slices.Contains(groups, r.group) {
			groups = append(groups, r.group)
		}
		if r.shard != "" {
			shards[r.group] = append(shards[r.group], r.shard)
		}
	}
	all := 0
	parts := make([]string, len(groups))
	for i, g := range groups {
		parts[i] = g
		if s := shards[g]; len(s) > 0 {
			all += len(s)
			parts[i] = strings.Join(s, ", ") + " in " + g
		}
	}
	list := strings.Join(parts, "; ")
	switch all {
	case 0:
		return list
	case 1:
		return "shard " + list
	}
	return "shards " + list
}

// explain asks Serval where it would send a statement.
func explain(ctx context.Context, db *sql.DB, statement string) (routes []route, err error) {
	rows, err := db.QueryContext(ctx, "EXPLAIN ROUTE "+statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var shard, group, text, plan, reason sql.NullString
		if err := rows.Scan(&shard, &group, &text, &plan, &reason); err != nil {
			return nil, err
		}
		routes = append(routes, route{shard.String, group.String, text.String, plan.String, reason.String})
	}
	return routes, rows.Err()
}

// clientAddress is the host and port for a client on this machine.
func clientAddress(listening string) (host, port string) {
	host, port, err := net.SplitHostPort(listening)
	if err != nil {
		return listening, ""
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return host, port
}
