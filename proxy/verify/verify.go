// Package verify looks for what must not be: shards of one table whose shapes differ, copies of a broadcast table whose rows
// differ, rows in a shard that is not their key's. It only reads, beside Servals that run.
package verify

import (
	"context"
	"fmt"
	"sort"
	"time"

	"serval/proxy/backend"
	"serval/rewrite"
	"serval/router"
)

// verify.go: the checks, and over which tables they go. What each does is in shapes.go, copies.go and places.go.

// Fault is one difference.
type Fault struct {
	Table string // logical: shop.orders
	What  string
}

func (f Fault) String() string { return f.Table + ": " + f.What }

// Check is one way to look at a table.
type Check struct {
	Name string
	Run  func(context.Context, *backend.Cluster, *router.Table) ([]string, error)
}

// Checks are all of them, in the order in which they are done.
func Checks() []Check {
	return []Check{{"shapes", shapes}, {"copies", copies}, {"places", places}}
}

// Again is how long, and how often, a table is looked at again that seems to differ: it may have been written meanwhile.
const (
	againTimes = 3
	againPause = time.Second
)

// Run does the checks on every table of a catalog that is in several places. It returns the number of tables.
func Run(ctx context.Context, cluster *backend.Cluster, cat *router.Catalog, checks []Check) (tables int, faults []Fault, err error) {
	for _, t := range spread(cat) {
		tables++
		for _, check := range checks {
			what, err := patiently(ctx, cluster, t, check)
			if err != nil {
				return tables, faults, fmt.Errorf("%s.%s (%s): %w", t.Database, t.Name, check.Name, err)
			}
			for _, w := range what {
				faults = append(faults, Fault{t.Database + "." + t.Name, w})
			}
		}
	}
	return tables, faults, nil
}

// patiently repeats a check that finds something.
func patiently(ctx context.Context, cluster *backend.Cluster, t *router.Table, check Check) (what []string, err error) {
	for range againTimes {
		what, err = check.Run(ctx, cluster, t)
		if err != nil || len(what) == 0 {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(againPause):
		}
	}
	return what, nil
}

// spread are the tables in several places, by name.
func spread(cat *router.Catalog) (list []*router.Table) {
	for _, d := range cat.Databases {
		for _, t := range d.Tables {
			if t.Kind == router.Sharded || t.Kind == router.Broadcast {
				list = append(list, t)
			}
		}
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return a.Database < b.Database || a.Database == b.Database && a.Name < b.Name
	})
	return list
}

// ownState makes statements mean the same whatever the server's defaults are.
const ownState = "SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+00:00', sql_quote_show_create = 1, autocommit = 1"

// ask reads rows from a group's primary on a connection for this alone, in a database when one is named.
func ask(ctx context.Context, cluster *backend.Cluster, group, database, sql string) (rows []backend.Row, err error) {
	err = cluster.Group(group).Primary().Beside(ctx, func(c *backend.Conn) error {
		if _, err := c.Exec(ownState); err != nil {
			return err
		}
		if database != "" {
			if _, err := c.Exec("USE " + rewrite.Quote(database)); err != nil {
				return err
			}
		}
		rows, err = c.Query(sql)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", group, err)
	}
	return rows, nil
}

// place names one place of a table.
func place(t *router.Table, i int) string {
	s := t.Shards[i]
	if t.Kind == router.Sharded {
		return fmt.Sprintf("shard %d (`%s`.`%s` in group %s)", i, s.Database, s.Table, s.Group)
	}
	return fmt.Sprintf("the copy in group %s (`%s`.`%s`)", s.Group, s.Database, s.Table)
}
