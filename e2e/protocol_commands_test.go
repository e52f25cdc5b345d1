package e2e

// protocol_commands_test.go: the commands that few clients send, and capabilities that change a session, as a plain
// server answers them to a user without special rights.

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"

	"serval/e2e/servers"
)

func TestCommands(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			if err := b.Plain.Exec("CREATE USER plain@'%' IDENTIFIED BY 'app'", "GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO plain@'%'"); err != nil {
				t.Fatal(err)
			}
			t.Run("rare", func(t *testing.T) { rareCommands(t, b) })
			t.Run("capabilities", func(t *testing.T) { sessionCapabilities(t, b) })
			t.Run("interactive", func(t *testing.T) { interactive(t, b) })
		})
	}
}

// command sends a command and gives the packet that answers it.
func command(t *testing.T, addr, user string, capability uint32, p ...byte) string {
	t.Helper()
	c, err := client.Connect(addr, user, "app", "", func(c *client.Conn) error {
		c.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES)
		if capability == 0 {
			c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func(p ...byte) string {
		c.ResetSequence()
		_ = c.Conn.Conn.SetDeadline(time.Now().Add(5 * time.Second))
		if err := c.WritePacket(append(make([]byte, 4), p...)); err != nil {
			return err.Error()
		}
		answer, err := c.ReadPacket()
		if err != nil {
			return err.Error()
		}
		return string(answer)
	}
	answer := ask(p...)
	ping := ask(0x0e)
	return fmt.Sprintf("%q, then a ping: %q", answer, ping[:min(len(ping), 5)]) // without the warnings, which MySQL repeats
}

func rareCommands(t *testing.T, b *bed) {
	for _, p := range [][]byte{
		{0x00}, {0x02}, {0x05, 'd'}, {0x06, 'd'}, {0x0b}, {0x0d}, {0x0f}, {0x10}, {0x14}, {0x1b, 0, 0}, {0x1b, 1, 0}, {0x1b, 7, 0}, {0x1d}, {0x22}, {0x63}, {0xff},
	} {
		for _, capability := range []uint32{0, mysql.CLIENT_DEPRECATE_EOF} {
			want, got := command(t, b.Plain.Addr(), "plain", capability, p...), command(t, b.addr, "app", capability, p...)
			if want != got {
				t.Errorf("% x: %s, want %s", p, got, want)
			}
		}
	}
	numbers := regexp.MustCompile(`[0-9]+`)
	want, got := command(t, b.Plain.Addr(), "plain", 0, 0x09), command(t, b.addr, "app", 0, 0x09)
	if want, got := numbers.ReplaceAllString(want, "N"), numbers.ReplaceAllString(got, "N"); want != got {
		t.Errorf("COM_STATISTICS: %s, want %s", got, want)
	}
}

// sessionCapabilities: CLIENT_IGNORE_SPACE and what it means for statements.
func sessionCapabilities(t *testing.T, b *bed) {
	for _, ignoreSpace := range []bool{true, false} {
		var both []string
		for _, addr := range []string{b.Plain.Addr(), b.addr} {
			c, err := client.Connect(addr, servers.User, servers.Password, "shop", func(c *client.Conn) error {
				if ignoreSpace {
					return c.SetCapability(mysql.CLIENT_IGNORE_SPACE)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, sql := range []string{"SELECT @@sql_mode", "SELECT COUNT (*) FROM settings", "SELECT COUNT (*) FROM users WHERE user_id = 42", "SET sql_mode = ''",
				"SELECT COUNT (*) FROM settings", "SELECT @@sql_mode"} {
				r, err := c.Execute(sql)
				all.WriteString(sql + ": ")
				if err != nil {
					all.WriteString(err.Error() + "\n")
					continue
				}
				for i := range r.RowNumber() {
					v, _ := r.GetString(i, 0)
					all.WriteString(v + "\n")
				}
			}
			c.ResetSequence() // COM_RESET_CONNECTION
			if err := c.WritePacket([]byte{0, 0, 0, 0, 0x1f}); err != nil {
				t.Fatal(err)
			}
			if p, err := c.ReadPacket(); err != nil || p[0] != 0 {
				t.Fatalf("COM_RESET_CONNECTION: %q, %v", p, err)
			}
			r, err := c.Execute("SELECT @@sql_mode, @@wait_timeout")
			if err != nil {
				t.Fatal(err)
			}
			v, _ := r.GetString(0, 0)
			both = append(both, all.String()+"after COM_RESET_CONNECTION: "+v)
			c.Close()
		}
		if both[0] != both[1] {
			t.Errorf("ignore space %v:\n%s\nwant\n%s", ignoreSpace, both[1], both[0])
		}
	}
}

// interactive: CLIENT_INTERACTIVE makes interactive_timeout the session's wait_timeout.
func interactive(t *testing.T, b *bed) {
	for _, s := range append(b.Nodes[:len(b.Nodes):len(b.Nodes)], b.Plain) {
		if err := s.Exec("SET GLOBAL interactive_timeout = 4321"); err != nil {
			t.Fatal(err)
		}
	}
	for _, flag := range []byte{0, byte(mysql.CLIENT_INTERACTIVE >> 8)} {
		var both []string
		for _, addr := range []string{b.Plain.Addr(), openGates(t, b).tcp} { // of connections that begin now
			cfg := driver.NewConfig()
			cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = servers.User, servers.Password, "tcp", addr, "shop"
			cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				var d net.Dialer
				nc, err := d.DialContext(ctx, network, addr)
				return &flagged{Conn: nc, flag: flag}, err
			}
			connector, err := driver.NewConnector(cfg)
			if err != nil {
				t.Fatal(err)
			}
			db := sql.OpenDB(connector)
			c, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			both = append(both, sqlRows(t, c, "SELECT @@wait_timeout, @@interactive_timeout FROM settings LIMIT 1"))
			c.Close()
			db.Close()
		}
		if both[0] != both[1] || strings.HasPrefix(both[0], "4321") != (flag != 0) {
			t.Errorf("flag %#x: %s, want %s", flag, both[1], both[0])
		}
	}
}

// flagged sets a bit of the capabilities in the handshake response.
type flagged struct {
	net.Conn
	flag byte
}

func (f *flagged) Write(p []byte) (int, error) {
	if f.flag != 0 && len(p) > 6 {
		p = append([]byte(nil), p...)
		p[5] |= f.flag
		f.flag = 0
	}
	return f.Conn.Write(p)
}
