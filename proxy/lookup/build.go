package lookup

import (
	"context"
	"fmt"
	"strings"

	"serval/proxy/backend"
	"serval/rewrite"
)

// build.go: an index for a table that has rows. Servals keep the index from the moment when its tables are there; the rows
// that were there before are put in here, each while it is locked.

// Duplicate is a value that two rows of the table have.
type Duplicate struct{ Value, Key, Other string }

func (d *Duplicate) Error() string {
	return fmt.Sprintf("the value %s is in two rows, with the shard keys %s and %s: a lookup index is unique", d.Value, d.Key, d.Other)
}

// Build makes the tables, fills them and has them asked from then on. changed is called when other Servals are to read their
// catalogs again. It returns the number of rows of the table that have a value.
func (x *Index) Build(ctx context.Context, changed func(context.Context) error) (rows int, err error) {
	if len(x.Of.PrimaryColumns()) == 0 {
		return 0, fmt.Errorf("%s: the table has no primary key", x)
	}
	if err := x.Make(ctx, false); err != nil {
		return 0, err
	}
	if err := x.mark(ctx, Building); err != nil {
		return 0, err
	}
	if err := changed(ctx); err != nil {
		return 0, err
	}
	if rows, err = x.complete(ctx); err != nil {
		return rows, err
	}
	if err := x.mark(ctx, Ready); err != nil {
		return rows, err
	}
	return rows, changed(ctx)
}

// Complete puts in what is missing of an index that is in use.
func (x *Index) Complete(ctx context.Context) error {
	_, err := x.complete(ctx)
	return err
}

func (x *Index) complete(ctx context.Context) (rows int, err error) {
	for i := range x.Of.Shards {
		n, err := x.fill(ctx, i)
		rows += n
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// fill puts the rows of one of the table's shards in.
func (x *Index) fill(ctx context.Context, shard int) (n int, err error) {
	c, err := x.conn(ctx, x.Of.Shards[shard])
	if err != nil {
		return 0, err
	}
	defer c.Discard() // after Release it does nothing
	var last []string
	for {
		if _, err := c.Exec("START TRANSACTION"); err != nil {
			return n, err
		}
		rows, err := x.read(c, shard, last, " LOCK IN SHARE MODE")
		if err != nil {
			return n, err
		}
		if err := x.put(ctx, withValues(rows)); err != nil {
			return n, err
		}
		if _, err := c.Exec("COMMIT"); err != nil {
			return n, err
		}
		n += len(withValues(rows))
		if len(rows) < batch {
			c.Release()
			return n, nil
		}
		last = rows[len(rows)-1].id
	}
}

// withValues are the rows that are in the index: those with a value.
func withValues(rows []row) []row {
	var out []row
	for _, r := range rows {
		if r.value != "NULL" {
			out = append(out, r)
		}
	}
	return out
}

// read reads the next rows of one of the table's shards, in the order of the primary key.
func (x *Index) read(c *backend.Conn, shard int, after []string, lock string) ([]row, error) {
	ids := x.Of.PrimaryColumns()
	var columns []string
	for _, name := range ids {
		columns = append(columns, rewrite.Quote(name))
	}
	order := strings.Join(columns, ", ")
	sql := "SELECT " + order + ", " + rewrite.Quote(x.Lookup.Column) + ", " + rewrite.Quote(x.Of.Key) + " FROM " + quoted(x.Of.Shards[shard]) +
		behind(columns, after) + " ORDER BY " + order + fmt.Sprintf(" LIMIT %d", batch) + lock
	answer, err := c.Query(sql)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", x.Of.Shards[shard].Group, err)
	}
	rows := make([]row, 0, len(answer))
	for _, a := range answer {
		var r row
		for i, name := range ids {
			r.id = append(r.id, literal(x.Of.Column(name), a[i]))
		}
		value, key := a[len(ids)], a[len(ids)+1]
		r.value, r.key = literal(x.Of.Column(x.Lookup.Column), value), literal(x.Of.KeyColumn(), key)
		if value != nil {
			if r.shard, err = shardOf(x.Lookup.Table, value); err != nil {
				return nil, err
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// behind is the condition for the rows behind one, in a form that servers find in the primary key.
func behind(columns, after []string) string {
	if after == nil {
		return ""
	}
	var ways []string
	for i := range columns {
		var way []string
		for k := range i {
			way = append(way, columns[k]+" = "+after[k])
		}
		ways = append(ways, "("+strings.Join(append(way, columns[i]+" > "+after[i]), " AND ")+")")
	}
	return " WHERE " + strings.Join(ways, " OR ")
}

// put puts rows into the index that may be there already.
func (x *Index) put(ctx context.Context, rows []row) error {
	for shard, list := range byShard(rows) {
		s := x.Lookup.Table.Shards[shard]
		var values []string
		for _, r := range list {
			values = append(values, "("+r.value+", "+r.key+")")
		}
		key := rewrite.Quote(x.Of.Key)
		if err := x.exec(ctx, s, "INSERT INTO "+quoted(s)+" VALUES "+strings.Join(values, ", ")+" ON DUPLICATE KEY UPDATE "+key+" = "+key); err != nil {
			return err
		}
		found, err := x.found(ctx, shard, list)
		if err != nil {
			return err
		}
		if err := duplicates(list, found); err != nil {
			return err
		}
	}
	return nil
}

// duplicates finds a row whose value the index has for another, or that has the value of another row.
func duplicates(rows []row, found map[string]string) error {
	own := map[string]string{}
	for _, r := range rows {
		if id, ok := own[r.value]; ok && id != strings.Join(r.id, ",") {
			return &Duplicate{Value: r.value, Key: r.key, Other: r.key}
		}
		own[r.value] = strings.Join(r.id, ",")
		if key, ok := found[r.value]; !ok || key != r.key {
			return &Duplicate{Value: r.value, Key: r.key, Other: key}
		}
	}
	return nil
}

func byShard(rows []row) map[int][]row {
	out := map[int][]row{}
	for _, r := range rows {
		out[r.shard] = append(out[r.shard], r)
	}
	return out
}

// found reads what the index has for the values of rows of one of its shards: value → key, where the value is the same in
// bytes.
func (x *Index) found(ctx context.Context, shard int, rows []row) (map[string]string, error) {
	s := x.Lookup.Table.Shards[shard]
	var values []string
	for _, r := range rows {
		values = append(values, r.value)
	}
	answer, err := x.query(ctx, s, "SELECT "+rewrite.Quote(x.Lookup.Column)+", "+rewrite.Quote(x.Of.Key)+" FROM "+quoted(s)+
		" WHERE "+rewrite.Quote(x.Lookup.Column)+" IN ("+strings.Join(values, ", ")+")")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, a := range answer {
		found[literal(x.Of.Column(x.Lookup.Column), a[0])] = literal(x.Of.KeyColumn(), a[1])
	}
	return found, nil
}
