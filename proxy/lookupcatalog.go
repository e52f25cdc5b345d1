package proxy

// lookupcatalog.go: lookup indexes in the catalog: their tables, and what the servers say of them.

import (
	"context"
	"errors"
	"log/slog"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/backend/schema"
	"serval/proxy/ddl"
	"serval/proxy/lookup"
	"serval/router"
)

// lookups adds a table's lookup indexes to a database.
func (m *catalogMaker) lookups(ctx context.Context, d *router.Database, t *router.Table, list []config.Lookup) {
	for _, cfg := range list {
		name := router.LookupName(t.Name, cfg.Column)
		of := &router.Table{Database: d.Name, Name: name, Kind: router.Sharded, Key: cfg.Column, LookupOf: t}
		for _, l := range cfg.Locations {
			of.Shards = append(of.Shards, router.Shard{Group: l.Group, Database: l.Database, Table: l.Table})
		}
		l := &router.Lookup{Column: cfg.Column, Table: of, State: m.lookupState(ctx, t, of)}
		t.Lookups = append(t.Lookups, l)
		d.Tables[name] = of
	}
}

// lookupState finds out how far a lookup index is, and reads its shape.
func (m *catalogMaker) lookupState(ctx context.Context, t, of *router.Table) router.LookupState {
	column := t.Column(of.Key)
	if column == nil {
		if len(t.Columns) > 0 {
			m.log.Warn("a lookup index is of a column that is not there", "table", t.Database+"."+t.Name, "column", of.Key)
		}
		return router.LookupMissing
	}
	alg, err := router.NewLookupAlgorithm(column, len(of.Shards))
	if err != nil {
		m.log.Warn("a column cannot have a lookup index", "table", t.Database+"."+t.Name, "column", of.Key, "error", err)
		return router.LookupMissing
	}
	of.Algorithm = alg
	state := router.LookupReady
	for _, s := range of.Shards {
		cols := m.read(ctx, s.Group, s.Database)[s.Table]
		if len(cols) < 2 {
			m.log.Warn("a lookup index has no tables yet: serval lookup build", "lookup", of.Database+"."+of.Name)
			return router.LookupMissing
		}
		if of.Columns == nil {
			of.Columns = routerColumns(cols)
		}
		comment, err := schema.ReadComment(ctx, m.cluster.Group(s.Group).Primary(), s.Database, s.Table)
		if err != nil {
			m.failed = true
			m.log.Warn("a lookup index could not be read", "lookup", of.Database+"."+of.Name, "error", err)
			return router.LookupMissing
		}
		if comment != lookup.Ready {
			state = router.LookupBuilding
		}
	}
	return state
}

// ReadCatalog reads the catalog for a command that works beside the Servals that run.
func ReadCatalog(ctx context.Context, cfg *config.Config, cluster *backend.Cluster, log *slog.Logger) (*router.Catalog, error) {
	cat, complete, err := makeCatalog(ctx, cfg, cluster, log, nil, nil, 1)
	if err == nil && !complete {
		err = errors.New("not all servers could be read")
	}
	return cat, err
}

// AnnounceChange has the Servals that run read the catalog again.
func AnnounceChange(ctx context.Context, cfg *config.Config, cluster *backend.Cluster, log *slog.Logger) error {
	_, err := ddl.NewStore(cluster, cfg.Transactions.Database, log).Changed(ctx)
	return err
}
