// Package cluster builds what Serval stands in front of, and what it is compared with: the nodes of a sharded
// cluster with their physical tables, and one plain server of the same kind with the logical schema.
//
//	c := cluster.Start(t, servers.MySQL, cluster.Shape{Schema: ddl, Layout: yaml, Nodes: 3, Plain: true})
//	s := cluster.StartBinary(t, c)      // the real `serval serve -c c.File`
//	// or, in this process: proxy.NewServer(c.Config, log)
//
// The physical tables are made from the logical DDL by replacing the table's name, where the parsed configuration
// says that they are: there is no second description of the layout.
package cluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"

	"serval/config"
	"serval/e2e/servers"
)

// cluster.go: servers, configuration file and tables. It knows config's types and nothing else of Serval.

// Shape describes a cluster.
type Shape struct {
	Schema string   // logical DDL: see schema/shop.sql
	Layout string   // template of Serval's configuration: {{.Listen}}, {{.Node 0}} …
	Nodes  int      // servers behind Serval
	Plain  bool     // one more server with the logical schema
	Listen string   // Serval's address; default "127.0.0.1:0"
	Server []string // options of the servers' command line
}

// Cluster is a running one.
type Cluster struct {
	Kind   servers.Kind
	Nodes  []*servers.Server
	Plain  *servers.Server // nil unless Shape.Plain
	Tables []Table         // in the schema's order
	Config *config.Config
	File   string // Config as YAML

	dir    string
	layout layout
}

// Table is a logical table and all places that it has.
type Table struct {
	Database, Name string
	DDL            string
	Kind           config.TableKind // "" for the tables of the default group
	Key            string           // shard key, "" for tables that have none
	Places         []Place          // in shard order
}

// Place is one physical table.
type Place struct {
	Node            *servers.Server
	Database, Table string
}

// Start builds a cluster that lives as long as the test.
func Start(tb testing.TB, kind servers.Kind, shape Shape) *Cluster {
	tb.Helper()
	c, err := Launch(kind, shape)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// Launch is Start for programs that are not tests: the caller calls Close.
func Launch(kind servers.Kind, shape Shape) (*Cluster, error) {
	c := &Cluster{Kind: kind}
	if err := c.launch(shape); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) launch(shape Shape) error {
	if err := c.startServers(shape); err != nil {
		return err
	}
	if err := c.writeConfig(shape); err != nil {
		return err
	}
	tables, err := parseSchema(shape.Schema)
	if err != nil {
		return err
	}
	c.Tables = tables
	for i := range c.Tables {
		if err := c.place(&c.Tables[i]); err != nil {
			return err
		}
	}
	return c.createTables()
}

// Close ends the servers and deletes the configuration file.
func (c *Cluster) Close() {
	for _, s := range c.servers() {
		s.Close()
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

func (c *Cluster) servers() []*servers.Server {
	all := slices.Clone(c.Nodes)
	if c.Plain != nil {
		all = append(all, c.Plain)
	}
	return slices.DeleteFunc(all, func(s *servers.Server) bool { return s == nil })
}

func (c *Cluster) startServers(shape Shape) error {
	n := shape.Nodes
	if shape.Plain {
		n++
	}
	all, errs := make([]*servers.Server, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { all[i], errs[i] = servers.Launch(c.Kind, shape.Server...) })
	}
	wg.Wait()
	c.Nodes = all[:shape.Nodes]
	if shape.Plain {
		c.Plain = all[shape.Nodes]
	}
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("start %s: %w", c.Kind, err)
		}
	}
	return nil
}

// layout is the template of Serval's configuration.
type layout string

// layoutData is what a layout template can ask for.
type layoutData struct {
	Listen  string
	nodes   []*servers.Server
	instead []string
}

// Node is the address of a node, or what takes its place.
func (d layoutData) Node(i int) string {
	if i < len(d.instead) && d.instead[i] != "" {
		return d.instead[i]
	}
	return d.nodes[i].Addr()
}

// render is the configuration for an address and for the nodes, or the addresses that stand instead of theirs.
func (l layout) render(listen string, nodes []*servers.Server, instead []string) ([]byte, error) {
	t, err := template.New("layout").Parse(string(l))
	if err != nil {
		return nil, fmt.Errorf("layout: %w", err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, layoutData{listen, nodes, instead}); err != nil {
		return nil, fmt.Errorf("layout: %w", err)
	}
	return text.Bytes(), nil
}

func (c *Cluster) writeConfig(shape Shape) error {
	c.layout = layout(shape.Layout)
	listen := shape.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	text, err := c.layout.render(listen, c.Nodes, nil)
	if err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "serval-e2e-config-"); err != nil {
		return err
	}
	c.File = filepath.Join(c.dir, "serval.yaml")
	if err := os.WriteFile(c.File, text, 0o600); err != nil {
		return err
	}
	c.Config, err = config.Load(c.File)
	return err
}

var (
	useStatement = regexp.MustCompile(`^USE (\w+)$`)
	createTable  = regexp.MustCompile(`^CREATE TABLE (\w+)`)
	commentLine  = regexp.MustCompile(`(?m)^--.*\n`)
)

// parseSchema reads USE and CREATE TABLE statements.
func parseSchema(text string) ([]Table, error) {
	var tables []Table
	database := ""
	for _, statement := range strings.Split(commentLine.ReplaceAllString(text, ""), ";\n") {
		statement = strings.TrimSpace(statement)
		if statement == "" {
			continue
		}
		if m := useStatement.FindStringSubmatch(statement); m != nil {
			database = m[1]
			continue
		}
		m := createTable.FindStringSubmatch(statement)
		if m == nil || database == "" {
			return nil, fmt.Errorf("schema: neither USE nor CREATE TABLE after USE: %.80s", statement)
		}
		tables = append(tables, Table{Database: database, Name: m[1], DDL: statement})
	}
	return tables, nil
}

// createAs is the DDL that makes t in another place.
func (t *Table) createAs(database, table string) string {
	return createTable.ReplaceAllLiteralString(t.DDL, "CREATE TABLE `"+database+"`.`"+table+"`")
}

// place fills in where the configuration puts the table.
func (c *Cluster) place(t *Table) error {
	i := slices.IndexFunc(c.Config.Databases, func(d config.Database) bool { return d.Name == t.Database })
	if i < 0 {
		return fmt.Errorf("the layout has no database %s", t.Database)
	}
	d := &c.Config.Databases[i]
	add := func(group, database, table string) {
		t.Places = append(t.Places, Place{Node: c.Node(group), Database: database, Table: table})
	}
	j := slices.IndexFunc(d.Tables, func(x config.Table) bool { return x.Name == t.Name })
	if j < 0 {
		add(d.DefaultGroup, d.Physical, t.Name)
		return nil
	}
	described := &d.Tables[j]
	t.Kind = described.Kind
	switch t.Kind {
	case config.Vertical:
		add(described.Group, d.Physical, t.Name)
	case config.Broadcast:
		for _, g := range described.Groups {
			add(g, d.Physical, t.Name)
		}
	case config.Sharded:
		t.Key = described.Shard.Column
		for _, l := range described.Shard.Locations {
			add(l.Group, l.Database, l.Table)
		}
	}
	return nil
}

// Node is the primary of a group.
func (c *Cluster) Node(group string) *servers.Server {
	for _, g := range c.Config.Groups {
		if g.Name != group {
			continue
		}
		for _, n := range c.Nodes {
			if n.Addr() == g.Primary.Address {
				return n
			}
		}
	}
	return nil
}

// createTables makes all databases and tables, side by side on the servers.
func (c *Cluster) createTables() error {
	work := map[*servers.Server][]string{}
	for _, d := range c.Config.Databases {
		for _, n := range c.Nodes {
			work[n] = append(work[n], "CREATE DATABASE IF NOT EXISTS `"+d.Physical+"`")
		}
		if c.Plain != nil {
			work[c.Plain] = append(work[c.Plain], "CREATE DATABASE `"+d.Name+"`")
		}
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		for _, p := range t.Places {
			work[p.Node] = append(work[p.Node], "CREATE DATABASE IF NOT EXISTS `"+p.Database+"`", t.createAs(p.Database, p.Table))
		}
		if c.Plain != nil {
			work[c.Plain] = append(work[c.Plain], t.createAs(t.Database, t.Name))
		}
	}
	var wg sync.WaitGroup
	errs := make(chan error, len(work))
	for s, statements := range work {
		wg.Go(func() { errs <- s.Exec(statements...) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
