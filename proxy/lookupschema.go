package proxy

// lookupschema.go: lookup indexes are made with their tables, and go with them.

import (
	"fmt"

	"serval/proxy/lookup"
	"serval/router"
)

// followSchema makes or drops the lookup indexes of the tables that a schema change has made or dropped, and completes those of
// tables that it has emptied; before is the catalog
// in which dropped tables still are.
func (c *session) followSchema(change *router.SchemaChange, before *router.Catalog) error {
	cat := before
	switch change.Verb {
	case router.SchemaCreate:
		cat = c.srv.known.Load().catalog
	case router.SchemaDrop, router.SchemaTruncate:
	default:
		return nil
	}
	followed := false
	for _, key := range change.Tables {
		t, old := cat.Table(key.Database, key.Name), before.Table(key.Database, key.Name)
		if t == nil || change.Verb == router.SchemaCreate && old != nil && len(old.Columns) > 0 { // IF NOT EXISTS
			continue
		}
		for _, l := range t.Lookups {
			x := &lookup.Index{Cluster: c.srv.cluster, Of: t, Lookup: l}
			err := c.followTable(x, change.Verb)
			if err != nil {
				return fmt.Errorf("the statement is done, but for the lookup index %s (serval lookup build makes it): %w", x, err)
			}
			followed = true
		}
	}
	if followed {
		c.schemaChanged(nil)
	}
	return nil
}

// followTable makes or drops one lookup index. One of a table that has rows is not touched: another Serval made the table.
func (c *session) followTable(x *lookup.Index, verb router.SchemaVerb) error {
	switch {
	case verb == router.SchemaDrop:
		return x.Drop(c.waiting())
	case verb == router.SchemaTruncate && x.Lookup.State == router.LookupMissing:
		return nil
	case verb == router.SchemaTruncate: // rows that came in between the table's truncation and the index's
		return x.Complete(c.waiting())
	}
	empty, err := x.TableEmpty(c.waiting())
	if err != nil || !empty {
		return err
	}
	if err := x.Drop(c.waiting()); err != nil { // what an older table of the name left
		return err
	}
	return x.Make(c.waiting(), true)
}
