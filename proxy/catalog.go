package proxy

// catalog.go: the router's catalog, made from the configuration and from what the servers say of their tables. It is
// made at start and again after a schema change; sessions see a new one at their next statement.

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/backend/schema"
	"serval/proxy/declared"
	"serval/proxy/sequence"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// declaredTimeout bounds the reading of declarations.
const declaredTimeout = 10 * time.Second

// knowledge is what sessions need to know of data and servers: immutable, replaced as a whole.
type knowledge struct {
	catalog *router.Catalog
	plans   *planCache
	shapes  *shapeCache
	flavor  flavor
	hidden  hiddenWriters

	procedures *procedureCache
	sources    map[*router.Table]*sequence.Source // of tables that Serval numbers the rows of
}

// flavor is what the servers are, read from the first group's primary.
type flavor struct {
	version      string // as SELECT VERSION() gives
	mariadb      bool
	server       fingerprint.Server
	defaultNames string // "utf8mb4 COLLATE …": what a connection with an unknown collation gets
	sqlMode      string // @@global.sql_mode
}

// catalogMaker reads the servers.
type catalogMaker struct {
	cfg     *config.Config
	cluster *backend.Cluster
	log     *slog.Logger
	columns map[string]map[string][]schema.Column // "group\x00database" → table → columns
	views   map[string]map[string]bool            // likewise: those that may call stored functions
	keys    map[string]map[string]*schema.Keys    // likewise
	named   map[string]map[string][]string        // likewise: table → its foreign keys and checks
	failed  bool                                  // some server could not be read
}

// makeCatalog reads the shapes of all tables. Servers that cannot be read are reported; their tables are known by
// name only, so that the others work, and the catalog is not complete. before is the catalog until now, nil at start:
// declarations that cannot be read are as they were. changed are the databases to be read, nil: all; the others are as they
// were.
func makeCatalog(ctx context.Context, cfg *config.Config, cluster *backend.Cluster, log *slog.Logger, before *router.Catalog, changed map[string]bool, version uint64) (cat *router.Catalog, complete bool, err error) {
	m := &catalogMaker{cluster: cluster, log: log, columns: map[string]map[string][]schema.Column{}, views: map[string]map[string]bool{}, named: map[string]map[string][]string{}, keys: map[string]map[string]*schema.Keys{}}
	if m.cfg, err = m.declared(ctx, cfg, before); err != nil {
		return nil, false, err
	}
	cfg = m.cfg
	cat = &router.Catalog{Version: version, Config: cfg, Databases: map[string]*router.Database{}, Own: cfg.Transactions.Database, Sequences: cfg.IDs.Sequences}
	for _, g := range cfg.Groups {
		cat.Groups = append(cat.Groups, g.Name)
	}
	for i := range cfg.Databases {
		if d := unchanged(before, changed, cfg.Databases[i].Name); d != nil {
			cat.Databases[d.Name] = d
			continue
		}
		d, err := m.database(ctx, &cfg.Databases[i])
		if err != nil {
			return nil, false, err
		}
		cat.Databases[d.Name] = d
	}
	cat.SpaceWeights = m.spaceWeights(ctx, cat)
	return cat, !m.failed, nil
}

// unchanged is a database of the catalog until now that need not be read again, nil: it must be.
func unchanged(before *router.Catalog, changed map[string]bool, name string) *router.Database {
	if before == nil || changed == nil || changed[name] {
		return nil
	}
	return before.Databases[name]
}

// databaseCollation reads the collation of columns that name none.
func (m *catalogMaker) databaseCollation(ctx context.Context, d *router.Database) {
	var err error
	if d.Collation, err = schema.ReadCollation(ctx, m.cluster.Group(d.DefaultGroup).Primary(), d.Physical); err != nil {
		m.failed = true
		m.log.Warn("a database could not be read", "group", d.DefaultGroup, "database", d.Physical, "error", err)
	}
}

// constraints notes the foreign keys and checks of a sharded table that were made on the servers, by the first shard's.
func (m *catalogMaker) constraints(ctx context.Context, t *router.Table) {
	if t.Kind != router.Sharded || len(t.Columns) == 0 {
		return
	}
	s := t.Shards[0]
	id := s.Group + "\x00" + s.Database
	names, ok := m.named[id]
	if !ok {
		var err error
		if names, err = schema.ReadConstraints(ctx, m.cluster.Group(s.Group).Primary(), s.Database); err != nil {
			m.failed = true
			m.log.Warn("constraints could not be read", "group", s.Group, "database", s.Database, "error", err)
		}
		m.named[id] = names
	}
	for _, name := range names[s.Table] {
		if t.LogicalConstraint(0, name) != name {
			continue
		}
		if t.Constraints == nil {
			t.Constraints = map[string]bool{}
		}
		t.Constraints[name] = true
	}
}

// declared adds the tables that were declared in SQL to the configuration.
func (m *catalogMaker) declared(ctx context.Context, cfg *config.Config, before *router.Catalog) (*config.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, declaredTimeout)
	defer cancel()
	list, err := declared.Read(ctx, m.cluster.Group(cfg.Groups[0].Name).Primary(), cfg.Transactions.Database)
	if err != nil {
		m.failed = true
		m.log.Warn("tables that were declared in SQL could not be read", "group", cfg.Groups[0].Name, "error", err)
		if before != nil && before.Config != nil {
			list = before.Config.DeclaredTables()
		}
	}
	return cfg.WithDeclared(list)
}

func (m *catalogMaker) database(ctx context.Context, cfg *config.Database) (*router.Database, error) {
	d := &router.Database{Name: cfg.Name, DefaultGroup: cfg.DefaultGroup, Physical: cfg.Physical, Tables: map[string]*router.Table{}}
	if d.Physical == "" {
		d.Physical = d.Name
	}
	for name, cols := range m.read(ctx, d.DefaultGroup, d.Physical) {
		t := &router.Table{Database: d.Name, Name: name, Kind: router.Unsharded, Shards: []router.Shard{{Group: d.DefaultGroup, Database: d.Physical, Table: name}}}
		t.Columns = routerColumns(cols)
		d.Tables[name] = t
	}
	d.Hidden = m.shardNames(cfg)
	for s := range d.Hidden { // a physical shard in the default group is no table of the client's
		delete(d.Tables, s)
	}
	for i := range cfg.Tables {
		t, err := m.table(ctx, d, &cfg.Tables[i])
		if err != nil {
			return nil, err
		}
		d.Tables[t.Name] = t
		m.lookups(ctx, d, t, cfg.Tables[i].Lookup)
	}
	m.databaseCollation(ctx, d)
	for _, t := range d.Tables {
		t.Seal()
		m.giveKeys(ctx, t)
		m.constraints(ctx, t)
		if t.Kind == router.Unsharded {
			t.Calls = m.callingViews(ctx, t.Shards[0].Group, t.Shards[0].Database)[t.Shards[0].Table]
		}
	}
	return d, m.checkBindings(d)
}

// checkBindings refuses tables that are bound although their keys do not compare alike.
func (m *catalogMaker) checkBindings(d *router.Database) error {
	first := map[string]*router.Table{}
	for _, name := range sortedKeys(d.Tables) {
		t := d.Tables[name]
		if t.Binding == "" || t.KeyColumn() == nil {
			continue
		}
		o := first[t.Binding]
		if o == nil {
			first[t.Binding] = t
			continue
		}
		if err := router.SameKeys(o.KeyColumn(), t.KeyColumn()); err != nil {
			return fmt.Errorf("%s: tables %s and %s of database %s cannot be bound: %w", m.cfg.File, o.Name, t.Name, d.Name, err)
		}
	}
	return nil
}

// shardNames are the physical tables that lie in the database of the unsharded ones.
func (m *catalogMaker) shardNames(cfg *config.Database) map[string]bool {
	names := map[string]bool{}
	for _, t := range cfg.Tables {
		if t.Shard == nil {
			continue
		}
		for _, l := range t.Shard.Locations {
			if l.Database == cfg.Physical {
				names[l.Table] = true
			}
		}
		for _, lookup := range t.Lookup {
			for _, l := range lookup.Locations {
				if l.Database == cfg.Physical {
					names[l.Table] = true
				}
			}
		}
	}
	return names
}

func (m *catalogMaker) table(ctx context.Context, d *router.Database, cfg *config.Table) (*router.Table, error) {
	t := router.NewTable(d, cfg)
	m.shape(ctx, t)
	if t.Kind == router.Sharded {
		alg, err := router.NewAlgorithm(cfg.Shard, t.KeyColumn())
		if err != nil {
			return nil, fmt.Errorf("%s: table %s.%s: %w", m.says(cfg), d.Name, cfg.Name, err)
		}
		t.Algorithm = alg
		if primaryWithout(t) && !numberedPrimary(t) {
			m.log.Warn("the primary key does not contain the shard key: it is unique within a shard only", "table", d.Name+"."+cfg.Name, "shard_key", t.Key)
		}
		if len(t.Columns) > 0 && t.KeyColumn() == nil {
			return nil, fmt.Errorf("%s: table %s.%s has no column %q to be sharded by", m.says(cfg), d.Name, cfg.Name, t.Key)
		}
	}
	return t, nil
}

// says is where a table is laid out.
func (m *catalogMaker) says(cfg *config.Table) string {
	if cfg.Declared != nil {
		return "declared in SQL (" + cfg.Declared.String() + ")"
	}
	return fmt.Sprintf("%s:%d", m.cfg.File, cfg.Line)
}

// primaryWithout tells whether a table has a primary key that its shard key is not part of.
func primaryWithout(t *router.Table) bool {
	any := false
	for i := range t.Columns {
		if t.Columns[i].Primary && strings.EqualFold(t.Columns[i].Name, t.Key) {
			return false
		}
		any = any || t.Columns[i].Primary
	}
	return any
}

// numberedPrimary tells whether Serval's own numbers make a primary key unique over all shards.
func numberedPrimary(t *router.Table) bool {
	return t.AutoIncrement() != nil && t.AutoIncrement().Primary
}

// shape reads the table's columns from its first place that has it, and reports places that differ.
func (m *catalogMaker) shape(ctx context.Context, t *router.Table) {
	var first []schema.Column
	for i, s := range t.Shards {
		cols := m.read(ctx, s.Group, s.Database)[s.Table]
		switch {
		case cols == nil:
			m.log.Warn("a physical table is missing", "table", t.Database+"."+t.Name, "group", s.Group, "physical", s.Database+"."+s.Table)
		case first == nil:
			first = cols
			t.Columns = routerColumns(cols)
		default:
			if diff := difference(first, cols); diff != "" {
				m.log.Warn("shards differ in shape", "table", t.Database+"."+t.Name, "shard", i, "group", s.Group, "physical", s.Database+"."+s.Table, "difference", diff)
			}
		}
	}
}

// difference says how b's columns differ from a's, "" when they do not.
func difference(a, b []schema.Column) string {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return fmt.Sprintf("column %s is not in the first shard", b[i].Name)
		case i >= len(b):
			return fmt.Sprintf("column %s is missing", a[i].Name)
		}
		x, y := a[i], b[i]
		x.Table, y.Table = "", ""
		if x != y {
			return fmt.Sprintf("column %d is %s %s %s, in the first shard %s %s %s", i+1, y.Name, y.ColumnType, y.Collation, x.Name, x.ColumnType, x.Collation)
		}
	}
	return ""
}

// read gives the tables of a physical database, once per catalog.
func (m *catalogMaker) read(ctx context.Context, group, database string) map[string][]schema.Column {
	id := group + "\x00" + database
	if tables, ok := m.columns[id]; ok {
		return tables
	}
	tables, err := schema.ReadColumns(ctx, m.cluster.Group(group).Primary(), database)
	if err != nil {
		m.failed = true
		m.log.Warn("tables could not be read", "group", group, "database", database, "error", err)
	}
	m.columns[id] = tables
	return tables
}

// callingViews are the views of a group's physical database that may call stored functions.
func (m *catalogMaker) callingViews(ctx context.Context, group, database string) map[string]bool {
	id := group + "\x00" + database
	views, ok := m.views[id]
	if ok || len(m.columns[id]) == 0 { // the second: it has none, or could not be read
		return views
	}
	views, err := schema.ReadCallingViews(ctx, m.cluster.Group(group).Primary(), database)
	if err != nil {
		m.failed = true
		m.log.Warn("views could not be read", "group", group, "database", database, "error", err)
	}
	m.views[id] = views
	return views
}

func routerColumns(cols []schema.Column) []router.Column {
	out := make([]router.Column, len(cols))
	for i, c := range cols {
		out[i] = router.Column{
			Name: c.Name, DataType: c.DataType, Unsigned: c.Unsigned, CharLength: c.CharLength, Collation: c.Collation,
			Nullable: c.Nullable, HasDefault: c.HasDefault, AutoIncrement: c.AutoIncrement, Generated: c.Generated,
			Invisible: c.Invisible, Primary: c.Primary,
		}
	}
	return out
}

// spaceWeights asks each group for the weight of the space in the collations of its columns.
func (m *catalogMaker) spaceWeights(ctx context.Context, cat *router.Catalog) map[string][]byte {
	weights := map[string][]byte{}
	wanted := map[string]bool{}
	for _, d := range cat.Databases {
		for _, t := range d.Tables {
			for i := range t.Columns {
				if c := t.Columns[i].Collation; c != "" {
					wanted[c] = true
				}
			}
		}
	}
	names := slices.Sorted(maps.Keys(wanted))
	if len(names) == 0 || len(m.cfg.Groups) == 0 {
		return weights
	}
	for _, g := range m.cfg.Groups {
		w, err := schema.ReadSpaceWeights(ctx, m.cluster.Group(g.Name).Primary(), names)
		if err != nil {
			m.failed = true
			m.log.Warn("collations could not be read: results of several shards cannot be sorted by text", "group", g.Name, "error", err)
			continue
		}
		for _, name := range names {
			if _, padded := w[name]; !padded {
				w[name] = []byte{} // NO PAD; a nil weight is a collation whose order cannot be merged
			}
		}
		return w
	}
	return weights
}

// readFlavor asks the first group that answers what its server is.
func readFlavor(ctx context.Context, cluster *backend.Cluster) (flavor, error) {
	var last error
	for _, g := range cluster.Groups() {
		f, err := nodeFlavor(ctx, g.Primary())
		if err == nil {
			return f, nil
		}
		last = err
	}
	return flavor{}, fmt.Errorf("no group's primary can be asked: %w", last)
}

func nodeFlavor(ctx context.Context, n *backend.Node) (flavor, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := n.AcquireOne(ctx, false)
	if err != nil {
		return flavor{}, err
	}
	stop := context.AfterFunc(ctx, c.Discard)
	defer stop()
	rows, err := c.Query("SELECT VERSION(), @@global.character_set_client, @@global.collation_connection, @@global.sql_mode")
	if err != nil {
		c.Discard()
		return flavor{}, err
	}
	c.Release()
	r := rows[0]
	maria := strings.Contains(string(r[0]), "MariaDB")
	return flavor{
		server:       fingerprint.Server{MariaDB: maria, Version: versionNumber(string(r[0]))},
		version:      c.ServerVersion(),
		mariadb:      maria,
		defaultNames: string(r[1]) + " COLLATE " + string(r[2]),
		sqlMode:      string(r[3]),
	}, nil
}

// versionNumber is a version as comments name it: 90704 for "9.7.4-…".
func versionNumber(s string) int {
	n, part, parts := 0, 0, 0
	for i := 0; i <= len(s) && parts < 3; i++ {
		if i < len(s) && s[i] >= '0' && s[i] <= '9' {
			part = part*10 + int(s[i]-'0')
			continue
		}
		n, part, parts = n*100+part, 0, parts+1
		if i < len(s) && s[i] != '.' {
			break
		}
	}
	for ; parts < 3; parts++ {
		n *= 100
	}
	return n
}
