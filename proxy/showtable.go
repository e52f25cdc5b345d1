package proxy

// showtable.go: SHOW COLUMNS, DESCRIBE and SHOW INDEX: of the table's first place, under the logical name.

import (
	"fmt"
	"strconv"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/schemaview"
	"serval/rewrite"
	"serval/router"
)

// showColumns answers SHOW COLUMNS and DESCRIBE.
func (c *session) showColumns(s *router.Show) error {
	plan := &router.Plan{Verb: router.VerbShow}
	group, table := c.defaultGroup(), ""
	if system := c.systemVisible(s.Database); system != "" {
		table = rewrite.Quote(system) + "." + rewrite.Quote(s.Name)
	} else {
		d, err := c.visible(s.Database)
		if err != nil {
			return err
		}
		t, err := c.tableOf(d, s.Name)
		if err != nil {
			return err
		}
		plan.Renames = []router.Rename{{Table: t}}
		place := t.Shards[0]
		group, table = place.Group, rewrite.Quote(place.Database)+"."+rewrite.Quote(place.Table)
	}
	if s.Describe {
		return c.relayText(group, strings.TrimSpace("DESCRIBE "+table+" "+s.Column), plan)
	}
	words := ""
	if s.Extended {
		words = "EXTENDED "
	}
	if s.Full {
		words += "FULL "
	}
	return c.relayText(group, "SHOW "+words+"COLUMNS FROM "+table+s.Tail(), plan)
}

// showIndex answers SHOW INDEX. The indexes are the first shard's, how many values they have is told for all together.
func (c *session) showIndex(s *router.Show) error {
	if system := c.systemVisible(s.Database); system != "" {
		return c.relayText(c.defaultGroup(), "SHOW INDEX FROM "+rewrite.Quote(system)+"."+rewrite.Quote(s.Name)+s.Tail(), &router.Plan{Verb: router.VerbShow})
	}
	d, err := c.visible(s.Database)
	if err != nil {
		return err
	}
	t, err := c.tableOf(d, s.Name)
	if err != nil {
		return err
	}
	place := t.Shards[0]
	from := "INDEX FROM " + rewrite.Quote(place.Database) + "." + rewrite.Quote(place.Table)
	if s.Extended {
		from = "EXTENDED " + from
	}
	if t.Kind != router.Sharded && place.Table == t.Name {
		return c.relayText(place.Group, "SHOW "+from+s.Tail(), &router.Plan{Verb: router.VerbShow, Renames: []router.Rename{{Table: t}}})
	}
	out, err := c.learn(place.Group, "", "SHOW "+from)
	if err != nil {
		return c.underLogicalName(err, t)
	}
	if err := c.wholeCardinality(t, place.Group, out); err != nil {
		return err
	}
	if s.Where == "" {
		return c.answerList(out)
	}
	return c.answerWhere(out, s.Where)
}

// underLogicalName is a server's error about a physical table as the client is told.
func (c *session) underLogicalName(err error, t *router.Table) error {
	e := *toClient(err)
	e.Message = logicalDatabases(logicalNames(e.Message, t), c.known.catalog)
	return &e
}

// wholeCardinality puts the table's name and its indexes' numbers over all shards into the rows of SHOW INDEX.
func (c *session) wholeCardinality(t *router.Table, group string, out *table) error {
	shape, err := c.systemShape(group, router.InformationSchema, "STATISTICS")
	if err != nil {
		return err
	}
	rows, err := c.view().Rows(shape, []string{t.Database}, []string{t.Name})
	if err != nil {
		return err
	}
	index, seq, cardinality := shape.At("INDEX_NAME"), shape.At("SEQ_IN_INDEX"), shape.At("CARDINALITY")
	whole := map[string][]byte{}
	for _, r := range rows {
		if schemaview.Names(shape, r, t.Database, t.Name) {
			whole[string(r[index])+"\x00"+string(r[seq])] = r[cardinality]
		}
	}
	name, key, part, number := out.at("Table"), out.at("Key_name"), out.at("Seq_in_index"), out.at("Cardinality")
	if name < 0 || key < 0 || part < 0 || number < 0 {
		return fmt.Errorf("SHOW INDEX has no column Table, Key_name, Seq_in_index or Cardinality")
	}
	for _, r := range out.rows {
		r[name] = []byte(t.Name)
		if n, ok := whole[string(r[key])+"\x00"+string(r[part])]; ok {
			r[number] = n
		}
	}
	return nil
}

// answerWhere answers with the rows that meet a condition, as a server finds.
func (c *session) answerWhere(t *table, where string) error {
	if len(t.rows) == 0 {
		return c.answerList(t)
	}
	var sql []byte
	sql = append(sql, "SELECT * FROM ("...)
	for i, row := range t.rows {
		if i > 0 {
			sql = append(sql, " UNION ALL "...)
		}
		sql = append(c.appendSelect(append(sql, "SELECT "...), t, row), ""...)
	}
	sql = append(append(sql, ") AS x WHERE "...), where...)
	c.patch.start(&router.Plan{Verb: router.VerbShow, Anywhere: true})
	c.patch.own = t.columns
	c.sql = append(c.sql[:0], sql...)
	return c.relaySQL(c.patch.plan, c.defaultGroup(), "")
}

// appendSelect writes a row as a select list under the columns' names.
func (c *session) appendSelect(dst []byte, t *table, row backend.Row) []byte {
	for i, v := range row {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		_, err := strconv.ParseInt(string(v), 10, 64)
		switch {
		case v == nil:
			dst = append(dst, "NULL"...)
		case err == nil && t.columns[i].Charset == 63:
			dst = append(dst, v...)
		default:
			dst = rewrite.AppendString(dst, string(v), c.state.mode)
		}
		dst = append(append(dst, " AS "...), rewrite.Quote(string(t.columns[i].Name))...)
	}
	return dst
}
