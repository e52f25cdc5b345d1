// Command record writes e2e/clients/startup/KIND/CLIENT.sql: what each client says when it connects, as the general log of
// a plain server has it. Run it in the repository's root (`make record-clients`) when clients have changed. The lists of
// clients that no package registry has are beside them, written by hand.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"serval/e2e/clients"
	"serval/e2e/cluster"
	"serval/e2e/servers"
)

const head = `# What %s says to %s when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
`

func main() {
	for _, kind := range []servers.Kind{servers.MariaDB, servers.MySQL} {
		if err := recordAll(kind); err != nil {
			fmt.Fprintf(os.Stderr, "record: %s: %v\n", kind, err)
			os.Exit(1)
		}
	}
}

func recordAll(kind servers.Kind) error {
	if err := kind.Available(); err != nil {
		return err
	}
	list := clients.All()
	var databases []string
	for i := range list {
		databases = append(databases, list[i].Database())
	}
	c, err := cluster.Launch(kind, clients.Shape(databases))
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range list {
		if err := record(c.Plain, &list[i]); err != nil {
			fmt.Fprintf(os.Stderr, "record: %s on %s: %v\n", list[i].Name, kind, err)
		}
	}
	return nil
}

// record writes one list.
func record(s *servers.Server, x *clients.Client) error {
	if missing := x.Missing(); missing != "" {
		return fmt.Errorf("not recorded: %s", missing)
	}
	if err := s.Exec("SET GLOBAL general_log = 0", "SET GLOBAL log_output = 'TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = 1"); err != nil {
		return err
	}
	at := clients.Place{Address: s.Addr(), Database: x.Database(), Kind: string(s.Kind), StopAfter: "connect"}
	run, err := x.Start(context.Background(), "e2e/clients", at)
	if err != nil {
		return err
	}
	if why := run.Status["connect"]; why != "" {
		return fmt.Errorf("it does not connect: %s", why)
	}
	rows, err := s.Query("SELECT command_type, CONVERT(argument USING utf8mb4) FROM mysql.general_log ORDER BY event_time, thread_id")
	if err != nil {
		return err
	}
	dir := filepath.Join("e2e/clients/startup", string(s.Kind))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf(head, run.Version, s.Kind) + strings.ReplaceAll(lines(rows), x.Database(), "shop")
	return os.WriteFile(filepath.Join(dir, x.Name+".sql"), []byte(text), 0o644)
}

// lines leaves out what has the recording's own statements and addresses.
func lines(log [][]string) string {
	var b strings.Builder
	for _, r := range log {
		argument := strings.Join(strings.Fields(r[1]), " ")
		switch {
		case strings.Contains(argument, "general_log"), r[0] == "Connect", r[0] == "Quit":
		case r[0] == "Query":
			b.WriteString(argument + "\n")
		default:
			b.WriteString(strings.TrimSpace("# "+r[0]+" "+argument) + "\n")
		}
	}
	return b.String()
}
