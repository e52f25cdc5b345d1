// Package servers starts private MariaDB and MySQL servers for tests and benchmarks: on free loopback ports, on
// throw-away data directories, ended with the test whatever happens to it.
//
//	a := servers.Start(t, servers.MySQL)             // ended by t.Cleanup
//	nodes := servers.StartAll(t, servers.MariaDB, 3) // side by side
//	err := a.Exec("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT)")
//	a.Restart()                                      // kill -9, then the same port and data
//
// Every server has the account User/Password (all privileges, from any host; caching_sha2_password on MySQL,
// mysql_native_password on MariaDB). A test that is for both kinds runs `for _, kind := range servers.Kinds(t)`, which
// leaves out, loudly, the kind that this machine lacks.
//
// What a server costs here: about 1 s to start, 60 to 230 MiB of memory. `bash e2e/install.sh` installs both kinds.
package servers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// servers.go: the life of one server process. It knows nothing of Serval; kinds.go knows what the programs are called.

// The account that every server has.
const (
	User     = "app"
	Password = "app"
)

// startTimeout is generous: a server starts in a second, but test machines are busy.
const startTimeout = 60 * time.Second

// Server is one running server.
type Server struct {
	Kind Kind
	Port int

	dir     string // holds data/, the socket and the log
	options []string

	mu      sync.Mutex
	process *os.Process
	exited  chan struct{} // closed when process has been waited for
}

// Start runs one server until the end of the test. Options are added to its command line ("--max-connections=50").
func Start(tb testing.TB, kind Kind, options ...string) *Server {
	tb.Helper()
	s, err := Launch(kind, options...)
	if err != nil {
		tb.Fatalf("start %s: %v", kind, err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Launch is Start for programs that are not tests: the caller calls Close. The server dies with this process anyway.
func Launch(kind Kind, options ...string) (*Server, error) {
	if err := kind.Available(); err != nil {
		return nil, err
	}
	template, err := template(kind)
	if err != nil {
		return nil, err
	}
	dir, err := scratchDir()
	if err != nil {
		return nil, err
	}
	s := &Server{Kind: kind, dir: dir, options: options}
	if err := copyTree(template, s.data()); err != nil {
		s.Close()
		return nil, fmt.Errorf("copy the data directory template: %w", err)
	}
	_ = os.Remove(filepath.Join(s.data(), "auto.cnf")) // MySQL's UUID: replication wants one for each server
	// Between choosing a free port and the server's bind another process may take it: try again with another.
	for try := 0; ; try++ {
		if s.Port, err = freePort(); err == nil {
			err = s.start()
		}
		if err == nil {
			return s, nil
		}
		if try == 2 {
			s.Close()
			return nil, err
		}
	}
}

// Addr is the server's "127.0.0.1:port".
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// DSN is go-sql-driver's name for a database on the server.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s", User, Password, s.Addr(), database)
}

// PID is the process id of the running server, 0 when it does not run.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.Pid
}

// Log is what the server has written to its standard output and error.
func (s *Server) Log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(b)
}

// Connect opens a connection of go-mysql's client; the caller closes it.
func (s *Server) Connect(database string, options ...client.Option) (*client.Conn, error) {
	return client.Connect(s.Addr(), User, Password, database, options...)
}

// Exec runs statements one after the other on one connection and stops at the first error.
func (s *Server) Exec(statements ...string) error {
	c, err := s.Connect("")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for _, sql := range statements {
		if _, err := c.Execute(sql); err != nil {
			return fmt.Errorf("%.200s: %w", sql, err)
		}
	}
	return nil
}

// Query runs one statement on a connection of its own and returns the rows as text, "NULL" for NULL.
func (s *Server) Query(sql string) ([][]string, error) {
	c, err := s.Connect("")
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	r, err := c.Execute(sql)
	if err != nil {
		return nil, fmt.Errorf("%.200s: %w", sql, err)
	}
	return textRows(r)
}

func textRows(r *mysql.Result) ([][]string, error) {
	if r.Resultset == nil {
		return nil, nil
	}
	rows := make([][]string, r.RowNumber())
	for i := range rows {
		for j := range r.Fields {
			text, err := r.GetString(i, j)
			if err != nil {
				return nil, err
			}
			if null, _ := r.IsNull(i, j); null {
				text = "NULL"
			}
			rows[i] = append(rows[i], text)
		}
	}
	return rows, nil
}

// Kill ends the server as a crash would (SIGKILL) and waits until it is gone. Its data stay.
func (s *Server) Kill() {
	s.mu.Lock()
	process, exited := s.process, s.exited
	s.process = nil
	s.mu.Unlock()
	if process == nil {
		return
	}
	_ = process.Kill()
	<-exited
}

// Restart kills the server if it runs and starts it again on the same port and data.
func (s *Server) Restart() error {
	s.Kill()
	return s.start()
}

// Freeze stops the server without its notice (SIGSTOP) until Thaw. It must run.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server run on.
func (s *Server) Thaw() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal os.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return os.ErrProcessDone
	}
	return s.process.Signal(signal)
}

// Close kills the server and deletes its data. It may be called again.
func (s *Server) Close() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) socket() string { return filepath.Join(s.dir, "s") }

// start runs the process and waits until it lets User in.
func (s *Server) start() error {
	accounts := filepath.Join(s.dir, "init.sql")
	if err := os.WriteFile(accounts, []byte(accountsSQL), 0o600); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	temporary := filepath.Join(s.dir, "tmp") // its own: a MariaDB that starts deletes the temporary tables that it finds
	if err := os.MkdirAll(temporary, 0o700); err != nil {
		return err
	}
	argv := append(s.Kind.program(), "--tmpdir="+temporary,
		"--datadir="+s.data(), "--port="+strconv.Itoa(s.Port), "--bind-address=127.0.0.1",
		"--socket="+s.socket(), "--pid-file="+filepath.Join(s.dir, "pid"), "--init-file="+accounts)
	cmd := exec.Command(argv[0], append(argv[1:], s.options...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}

	exited, started := make(chan struct{}), make(chan error)
	go supervise(cmd, started, exited)
	if err := <-started; err != nil {
		return err
	}
	s.mu.Lock()
	s.process, s.exited = cmd.Process, exited
	s.mu.Unlock()
	if err := s.await(exited); err != nil {
		s.Kill()
		return fmt.Errorf("%w; its log ends:\n%s", err, tail(s.Log(), 2000))
	}
	return nil
}

// answers tells whether a login works and it is this server that answers: where another test's was faster to take the
// port, that one knows the account too.
func (s *Server) answers() error {
	rows, err := s.Query("SELECT @@socket")
	if err == nil && rows[0][0] != s.socket() {
		err = fmt.Errorf("port %d belongs to another server, with the socket %s", s.Port, rows[0][0])
	}
	return err
}

// await returns when the server answers a login.
func (s *Server) await(exited <-chan struct{}) error {
	deadline := time.After(startTimeout)
	for {
		err := s.answers()
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("%s on port %d ended by itself", s.Kind, s.Port)
		case <-deadline:
			return fmt.Errorf("%s on port %d does not answer after %v: %w", s.Kind, s.Port, startTimeout, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}
