package e2e

// bank_conn_test.go: the sessions of the bank's clients: two drivers, with texts and with prepared statements. All values
// are integers.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// bankPatience is how long a client waits for an answer before it gives its connection up. It is longer than any fault.
const bankPatience = 20 * time.Second

// errSilent is a connection that was given up because no answer came.
var errSilent = errors.New("no answer came")

// orSilent is a connection's error, as errSilent when it took too long.
func orSilent(err error, since time.Time) error {
	if waited := time.Since(since); waited >= bankPatience {
		return fmt.Errorf("%w for %v: %w", errSilent, waited.Round(time.Second), err)
	}
	return err
}

// bankConn is a session. A server's error is a *bankError; after any other the connection is of no use.
type bankConn interface {
	exec(sql string, values ...int64) (affected int64, err error)
	query(sql string, values ...int64) ([][]int64, error)
	// leave sends a statement, does not wait for the answer, and is gone.
	leave(sql string)
	// cut ends the connection as the end of the client's process would.
	cut()
	close()
}

// bankDrivers are the kinds of session.
var bankDrivers = []string{"raw", "raw prepared", "go-sql-driver", "go-sql-driver prepared"}

func dialBank(name, addr string) (bankConn, error) {
	base, prepared := strings.CutSuffix(name, " prepared")
	if base == "raw" {
		c, err := raw.Dial(addr, raw.Options{User: servers.User, Password: servers.Password, Database: "bank"})
		if err != nil {
			return nil, err
		}
		return &rawBankConn{conn: c, prepared: prepared, statements: map[string]*raw.Statement{}}, nil
	}
	return dialDriver(addr, prepared)
}

// rawBankConn is a session of package raw.
type rawBankConn struct {
	conn       *raw.Conn
	prepared   bool
	statements map[string]*raw.Statement
}

func (c *rawBankConn) ask(sql string, values []int64) (*raw.Answer, error) {
	began, socket := time.Now(), c.conn.NetConn()
	patience := time.AfterFunc(bankPatience, func() { _ = socket.Close() })
	defer patience.Stop()
	var answers []raw.Answer
	var err error
	if c.prepared && len(values) > 0 {
		answers, err = c.execute(sql, values)
	} else {
		answers, err = c.conn.Query(withValues(sql, values))
	}
	if err != nil {
		return nil, orSilent(err, began)
	}
	a := &answers[len(answers)-1]
	if a.Kind == raw.Error {
		return nil, &bankError{a.Code, a.Message}
	}
	return a, nil
}

// execute runs a prepared statement, which it prepares when it is new.
func (c *rawBankConn) execute(sql string, values []int64) ([]raw.Answer, error) {
	s := c.statements[sql]
	if s == nil {
		var refused *raw.Answer
		var err error
		if s, refused, err = c.conn.Prepare(sql); err != nil {
			return nil, err
		}
		if refused != nil {
			return []raw.Answer{*refused}, nil
		}
		c.statements[sql] = s
	}
	parameters := make([]raw.Parameter, len(values))
	for i, v := range values {
		parameters[i] = raw.BigInt(v)
	}
	return s.Execute(parameters...)
}

// withValues puts values in the places of the question marks.
func withValues(sql string, values []int64) string {
	for _, v := range values {
		sql = strings.Replace(sql, "?", strconv.FormatInt(v, 10), 1)
	}
	return sql
}

func (c *rawBankConn) exec(sql string, values ...int64) (int64, error) {
	a, err := c.ask(sql, values)
	if err != nil {
		return 0, err
	}
	return int64(a.AffectedRows), nil
}

func (c *rawBankConn) query(sql string, values ...int64) ([][]int64, error) {
	a, err := c.ask(sql, values)
	if err != nil {
		return nil, err
	}
	rows := make([][]int64, len(a.Rows))
	for i, r := range a.Rows {
		values, err := rowValues(r, a)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			n, err := strconv.ParseInt(string(v.Text), 10, 64)
			if err != nil {
				return nil, err
			}
			rows[i] = append(rows[i], n)
		}
	}
	return rows, nil
}

func (c *rawBankConn) leave(sql string) {
	_ = c.conn.Send(sql)
	c.conn.Cut()
}

func (c *rawBankConn) cut()   { c.conn.Cut() }
func (c *rawBankConn) close() { c.conn.Close() }

// driverBankConn is a session of go-sql-driver: a pool that has one connection.
type driverBankConn struct {
	pool   *sql.DB
	conn   *sql.Conn
	socket net.Conn
}

func dialDriver(addr string, prepared bool) (*driverBankConn, error) {
	c := &driverBankConn{}
	cfg := driver.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName, cfg.Net, cfg.Addr = servers.User, servers.Password, "bank", "tcp", addr
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = bankPatience, bankPatience, bankPatience
	cfg.InterpolateParams, cfg.Logger = !prepared, &driver.NopLogger{}
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		socket, err := d.DialContext(ctx, network, addr)
		c.socket = socket
		return socket, err
	}
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	c.pool = sql.OpenDB(connector)
	c.pool.SetMaxOpenConns(1)
	if c.conn, err = c.pool.Conn(context.Background()); err != nil {
		_ = c.pool.Close()
		return nil, driverError(err)
	}
	return c, nil
}

func driverError(err error) error {
	var e *driver.MySQLError
	if errors.As(err, &e) {
		return &bankError{e.Number, e.Message}
	}
	return err
}

func anyValues(values []int64) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

func (c *driverBankConn) exec(sql string, values ...int64) (int64, error) {
	began := time.Now()
	r, err := c.conn.ExecContext(context.Background(), sql, anyValues(values)...)
	if err != nil {
		return 0, orSilent(driverError(err), began)
	}
	return r.RowsAffected()
}

func (c *driverBankConn) query(sql string, values ...int64) ([][]int64, error) {
	began := time.Now()
	rows, err := c.conn.QueryContext(context.Background(), sql, anyValues(values)...)
	if err != nil {
		return nil, orSilent(driverError(err), began)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, driverError(err)
	}
	var all [][]int64
	for rows.Next() {
		row, into := make([]int64, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, driverError(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, driverError(err)
	}
	return all, nil
}

// leave cannot stop waiting with this driver: the socket is closed a moment later.
func (c *driverBankConn) leave(sql string) {
	gone := time.AfterFunc(time.Millisecond, func() { _ = c.socket.Close() })
	_, _ = c.exec(sql)
	gone.Stop()
	c.cut()
}

func (c *driverBankConn) cut() {
	_ = c.socket.Close()
	c.close()
}

func (c *driverBankConn) close() {
	_ = c.conn.Close()
	_ = c.pool.Close()
}
