package e2e

// protocol_infile_test.go: LOAD DATA LOCAL INFILE into tables that are whole in one group does what it does on one
// server; the client that breaks in the middle loads nothing.

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestLocalInfile(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			localInfile(t, b, "ON")
			g := openGates(t, b)
			t.Run("files", func(t *testing.T) { loadFiles(t, b, g) })
			t.Run("clients", func(t *testing.T) { loadByCLI(t, b, g) })
			t.Run("broken client", func(t *testing.T) { loadBroken(t, b) })
			t.Run("refusals", func(t *testing.T) { loadRefusals(t, b) })
			localInfile(t, b, "OFF")
			t.Run("disabled", func(t *testing.T) { loadDisabled(t, b) })
		})
	}
}

// localInfile switches it on the servers.
func localInfile(t *testing.T, b *bed, value string) {
	t.Helper()
	for _, s := range append(b.Nodes[:len(b.Nodes):len(b.Nodes)], b.Plain) {
		if err := s.Exec("SET GLOBAL local_infile = " + value); err != nil {
			t.Fatal(err)
		}
	}
}

const loadSettings = "LOAD DATA LOCAL INFILE 'Reader::%s' %s INTO TABLE settings FIELDS TERMINATED BY ',' (name, value)"

// settingsFile is n lines of about 100 bytes.
func settingsFile(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "file%07d,%s\n", i, strings.Repeat("v", 80+i%9))
	}
	return b.Bytes()
}

// loadFiles loads the same files into the plain server and through Serval's transports.
func loadFiles(t *testing.T, b *bed, g *gates) {
	const config = "servalinfile"
	if err := mysql.RegisterTLSConfig(config, clientTLS(t, g, false)); err != nil {
		t.Fatal(err)
	}
	small, large := settingsFile(3), settingsFile(60_000)
	files := []struct {
		name, word string
		open       func() io.Reader
		fails      bool
	}{
		{"small", "", func() io.Reader { return bytes.NewReader(small) }, false},
		{"large", "", func() io.Reader { return bytes.NewReader(large) }, false},
		{"empty", "", func() io.Reader { return bytes.NewReader(nil) }, false},
		{"again", "REPLACE", func() io.Reader { return bytes.NewReader(small) }, false},
		{"ignored", "IGNORE", func() io.Reader { return bytes.NewReader(small) }, false},
		{"malformed", "", func() io.Reader { return strings.NewReader("file9999998\nfile9999999,a,b\n") }, false},
		{"broken", "", func() io.Reader { return io.MultiReader(bytes.NewReader(small[:20]), brokenReader{}) }, true},
	}
	for way, dsn := range map[string]string{
		"tcp": "app:app@tcp(" + g.tcp + ")/shop", "zlib": "app:app@tcp(" + g.tcp + ")/shop?compress=true",
		"TLS": "app:app@tcp(" + g.secure + ")/shop?tls=" + config,
	} {
		plain, serval := openDB(t, "app:app@tcp("+b.Plain.Addr()+")/shop"), openDB(t, dsn)
		for _, f := range files {
			mysql.RegisterReaderHandler(f.name, f.open)
			load := fmt.Sprintf(loadSettings, f.name, f.word)
			p, err1 := plain.ExecContext(t.Context(), load)
			s, err2 := serval.ExecContext(t.Context(), load)
			if (err1 != nil) != f.fails || fmt.Sprint(err1) != fmt.Sprint(err2) {
				t.Errorf("%s, %s: plain %v, serval %v", way, f.name, err1, err2)
				continue
			}
			if err1 == nil {
				n1, _ := p.RowsAffected()
				n2, _ := s.RowsAffected()
				if n1 != n2 {
					t.Errorf("%s, %s: %d rows, want %d", way, f.name, n2, n1)
				}
			}
			for _, ask := range []string{"SHOW WARNINGS", "SELECT COUNT(*), SUM(LENGTH(value)), MAX(name) FROM settings", "SELECT ROW_COUNT()"} {
				if want, got := sqlRows(t, plain, ask), sqlRows(t, serval, ask); want != got {
					t.Errorf("%s, %s: %s: %s, want %s", way, f.name, ask, got, want)
				}
			}
		}
		mysql.RegisterReaderHandler("small", func() io.Reader { return bytes.NewReader(small) })
		for _, sql := range []string{"DELETE FROM settings", "LOAD DATA LOCAL INFILE 'Reader::small' INTO TABLE settings FIELDS TERMINATED BY ',' (@n, @v) SET name = @n, value = CONCAT(@v, DATABASE(), USER() <> '')",
			"SELECT @n, @v", "SELECT * FROM settings ORDER BY name"} {
			if want, got := sqlRows(t, plain, sql), sqlRows(t, serval, sql); want != got {
				t.Errorf("%s: %s: %s, want %s", way, sql, got, want)
			}
		}
		b.restore(t)
		// In a transaction, which is rolled back.
		mysql.RegisterReaderHandler("small", func() io.Reader { return bytes.NewReader(small) })
		for _, sql := range []string{"BEGIN", fmt.Sprintf(loadSettings, "small", ""), "ROLLBACK"} {
			if _, err := serval.ExecContext(t.Context(), sql); err != nil {
				t.Errorf("%s: %s: %v", way, sql, err)
			}
		}
		if got := sqlRows(t, serval, "SELECT COUNT(*) FROM settings WHERE name LIKE 'file%'"); got != "0;" {
			t.Errorf("%s: %s rows after ROLLBACK", way, got)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the disk is broken") }

// openDB opens one connection.
func openDB(t *testing.T, dsn string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); db.Close() })
	return c
}

func sqlRows(t *testing.T, c *sql.Conn, query string) string {
	t.Helper()
	rows, err := c.QueryContext(context.Background(), query)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rows.Next() {
		values, to := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s;", bytes.Join(func() (b [][]byte) {
			for _, v := range values {
				b = append(b, v)
			}
			return b
		}(), []byte("|")))
	}
	if err := rows.Err(); err != nil {
		return err.Error()
	}
	return out.String()
}

// loadByCLI has the command line clients load a file.
func loadByCLI(t *testing.T, b *bed, g *gates) {
	file := filepath.Join(t.TempDir(), "settings.csv")
	if err := os.WriteFile(file, settingsFile(2000), 0o644); err != nil {
		t.Fatal(err)
	}
	clients := map[string][]string{
		"mariadb":             {"mariadb", "--no-defaults", "--local-infile=1"},
		"mariadb, compressed": {"mariadb", "--no-defaults", "--local-infile=1", "--compress"},
	}
	if servers.MySQL.Available() == nil {
		own := append(servers.InRootfs("usr/bin/mysql"), "--no-defaults", "--get-server-public-key", "--ssl-mode=DISABLED", "--local-infile=1")
		clients["mysql"] = own
		clients["mysql, zstd"] = append(own[:len(own):len(own)], "--compression-algorithms=zstd")
	}
	for name, argv := range clients {
		args := append(append(argv[1:len(argv):len(argv)], at(g.tcp)...), "--user=app", "--password=app", "--batch", "--skip-column-names", "shop", "-e",
			"LOAD DATA LOCAL INFILE '"+file+"' INTO TABLE settings FIELDS TERMINATED BY ','; SELECT ROW_COUNT(); SELECT COUNT(*) FROM settings WHERE name LIKE 'file%'")
		out, err := exec.Command(argv[0], args...).Output()
		if err != nil || string(out) != "2000\n2000\n" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
		b.restore(t)
	}
}

// loadBroken: a client that is gone in the middle of its file has loaded nothing.
func loadBroken(t *testing.T, b *bed) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.Logger = "app", "app", "tcp", b.addr, "shop", nopLogger{}
	var socket net.Conn
	cfg.DialFunc = func(ctx context.Context, network, addr string) (nc net.Conn, err error) {
		var d net.Dialer
		socket, err = d.DialContext(ctx, network, addr)
		return socket, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	mysql.RegisterReaderHandler("cut", func() io.Reader {
		return io.MultiReader(bytes.NewReader(settingsFile(20_000)), cutting{func() { socket.Close() }})
	})
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf(loadSettings, "cut", "")); err == nil {
		t.Error("no error")
	}
	for _, s := range b.Nodes {
		end := time.Now().Add(10 * time.Second)
		for {
			rows, err := s.Query("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'LOAD DATA%'")
			if err != nil {
				t.Fatal(err)
			}
			if rows[0][0] == "0" {
				break
			}
			if time.Now().After(end) {
				t.Fatal("still loading")
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	c := openDB(t, "app:app@tcp("+b.addr+")/shop")
	if got := sqlRows(t, c, "SELECT COUNT(*) FROM settings WHERE name LIKE 'file%'"); got != "0;" {
		t.Errorf("%s rows of a broken file", got)
	}
}

type cutting struct{ cut func() }

func (c cutting) Read([]byte) (int, error) {
	time.Sleep(50 * time.Millisecond) // what was sent before is on its way
	c.cut()
	return 0, io.EOF
}

// loadRefusals: what cannot be loaded is refused before the file is asked for.
func loadRefusals(t *testing.T, b *bed) {
	c := openDB(t, "app:app@tcp("+b.addr+")/shop")
	mysql.RegisterReaderHandler("never", func() io.Reader { t.Error("the file was asked for"); return strings.NewReader("") })
	for statement, want := range map[string]string{
		"LOAD DATA INFILE '/etc/passwd' INTO TABLE settings":                                                          "without LOCAL",
		"LOAD DATA INFILE '/etc/passwd' INTO TABLE users":                                                             "without LOCAL",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users (name)":                                              "without the shard key",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users (@k) SET user_id = @k + 1":                           "an expression as the shard key",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users (name) SET user_id = @k":                             "not in the column list",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users (user_id) SET name = RAND()":                         "rand()",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users (user_id) SET name = (SELECT 1)":                     "subqueries",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users (user_id) SET name = @n := 1":                        "user variables",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE products (product_id) SET title = CONNECTION_ID()":         "broadcast",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users FIELDS TERMINATED BY '' (user_id)":                   "fixed-row",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users FIELDS TERMINATED BY 0xC2A7 (user_id)":               "outside of ASCII",
		"LOAD DATA LOCAL INFILE 'Reader::never' INTO TABLE users CHARACTER SET gbk LINES TERMINATED BY 'a' (user_id)": "in gbk",
	} {
		_, err := c.ExecContext(t.Context(), statement)
		var e *mysql.MySQLError
		if !errors.As(err, &e) || e.Number != 1235 || !strings.Contains(e.Message, want) {
			t.Errorf("%s: %v", statement, err)
		}
	}
	// A client that gives no files gets the error that a server gives it.
	o := raw.Options{User: servers.User, Password: servers.Password, Database: "shop"}
	var both []string
	for _, addr := range []string{b.Plain.Addr(), b.addr} {
		c, err := raw.Dial(addr, o)
		if err != nil {
			t.Fatal(err)
		}
		answers, err := c.Query("LOAD DATA LOCAL INFILE 'x' INTO TABLE settings")
		both = append(both, fmt.Sprintf("%+v %v", answers, err))
		c.Close()
	}
	if both[0] != both[1] {
		t.Errorf("without CLIENT_LOCAL_FILES: %s, want %s", both[1], both[0])
	}
}

// loadDisabled: the servers' own error.
func loadDisabled(t *testing.T, b *bed) {
	mysql.RegisterReaderHandler("never", func() io.Reader { t.Error("the file was asked for"); return strings.NewReader("") })
	var both []string
	for _, addr := range []string{b.Plain.Addr(), b.addr} {
		c := openDB(t, "app:app@tcp("+addr+")/shop")
		_, err := c.ExecContext(t.Context(), fmt.Sprintf(loadSettings, "never", ""))
		both = append(both, fmt.Sprint(err))
	}
	if both[0] != both[1] || both[0] == "<nil>" {
		t.Errorf("%s, want %s", both[1], both[0])
	}
}
