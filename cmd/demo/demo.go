package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"serval/config"
	"serval/proxy"
)

// demo.go: the engines, Serval before them, and the shop in them, started and stopped as one.

// demo is a running example. Make it with startDemo and close it.
type demo struct {
	cluster *cluster
	proxy   *proxy.Server
	client  *sql.DB // to Serval, as the newcomer's account
}

// startDemo starts everything; Serval listens on the address. When it fails, nothing is left running.
func startDemo(ctx context.Context, listen string, log *slog.Logger) (*demo, error) {
	d := &demo{}
	if err := d.start(ctx, listen, log); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *demo) start(ctx context.Context, listen string, log *slog.Logger) (err error) {
	if d.cluster, err = startCluster(shopDatabase, shopGroups[:]...); err != nil {
		return err
	}
	if err := createTables(ctx, d.cluster); err != nil {
		return err
	}
	settings, err := config.Parse([]byte(configuration(listen, d.cluster)), "demo configuration")
	if err != nil {
		return fmt.Errorf("--listen %s: %w", listen, err)
	}
	server := proxy.NewServer(settings, log)
	if err := server.Start(ctx); err != nil {
		return err
	}
	d.proxy = server
	if d.client, err = openClient(server.Addr().String()); err != nil {
		return err
	}
	return fillShop(ctx, d.client)
}

// closeGrace is how long statements may go on when the demo ends.
const closeGrace = time.Second

// close stops what was started and waits for it. Serval goes first; the engines are stopped at the latest after the grace,
// which ends the statements that Serval still waits for.
func (d *demo) close() error {
	var errs []error
	if d.client != nil {
		errs = append(errs, d.client.Close())
	}
	proxyClosed := make(chan error, 1)
	if d.proxy != nil {
		go func() { proxyClosed <- d.proxy.Close() }()
	} else {
		proxyClosed <- nil
	}
	select {
	case err := <-proxyClosed:
		proxyClosed <- err
	case <-time.After(closeGrace):
	}
	if d.cluster != nil {
		errs = append(errs, d.cluster.close())
	}
	return errors.Join(append(errs, <-proxyClosed)...)
}

// openClient is a pool of connections to Serval, as any Go program would have it.
func openClient(address string) (*sql.DB, error) {
	host, port := clientAddress(address)
	login := driver.NewConfig()
	login.Net, login.Addr, login.DBName = "tcp", host+":"+port, shopDatabase
	login.User, login.Passwd = appUser, appPassword
	connector, err := driver.NewConnector(login)
	if err != nil {
		return nil, fmt.Errorf("connecting to Serval: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// configuration is the demo's serval.yaml. An operator's has the same form.
func configuration(listen string, c *cluster) string {
	var groups strings.Builder
	for _, e := range c.engines {
		fmt.Fprintf(&groups, "  %s: {primary: %q}\n", e.group, e.address)
	}
	return fmt.Sprintf(configurationText, listen, groups.String())
}

// configurationText has two places: the listening address and the groups' lines.
const configurationText = `
listeners: [%q]
admin: off
log: {level: warn}

users:
  ` + appUser + `: {password: ` + appPassword + `}

defaults: {user: ` + engineUser + `, password: ` + enginePassword + `}
groups:
%s
databases:
  ` + shopDatabase + `:
    default_group: g0
    tables:
      users:       {shard: {column: user_id, by: hash_mod, shards: 8, groups: [g0, g1], binding: user}}
      orders:      {shard: {column: user_id, by: hash_mod, shards: 8, groups: [g0, g1], binding: user}}
      order_items: {shard: {column: user_id, by: hash_mod, shards: 8, groups: [g0, g1], binding: user}}
      products:    {broadcast: true, groups: [g0, g1]}
      audit_log:   {group: g2}
`
