package gather

// copy.go: a temporary table that is filled with another table's rows as they come. Memory is one INSERT.

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
)

// Copy is a temporary table of another table's shape.
type Copy struct {
	Table
	Shape *Shape
	// Plain: its keys are not unique, though those of the original are: unique within a shard only.
	Plain bool

	conn *backend.Conn
	head int
	sql  []byte
	sent bool // an INSERT's answer has not been read: the server works while the next rows are read
}

// FillState is the state in which a connection must be: rows are taken as they are, whatever a client could insert, and times are UTC.
const FillState = "autocommit=1,sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES',time_zone='+00:00'"

// Create makes the table on a connection, without rows.
func (c *Copy) Create(conn *backend.Conn) error {
	c.conn, c.sql = conn, append(c.sql[:0], "INSERT INTO "+c.Quoted()+" ("+c.Shape.List()+") VALUES "...)
	c.head, c.sent = len(c.sql), false
	_, err := conn.Exec("CREATE TEMPORARY TABLE " + c.Quoted() + " " + c.Shape.Definitions(c.Plain))
	return err
}

// Drop takes the table away.
func (c *Copy) Drop() error {
	_, err := c.conn.Exec("DROP TEMPORARY TABLE " + c.Quoted())
	return err
}

// ErrDuplicate says that rows which are unique where they come from are not unique together.
var ErrDuplicate = errors.New("rows of several shards have the same unique key")

// errMalformed is a row that does not have the columns' values.
var errMalformed = errors.New("a row that was read is malformed")

// Add puts a row in, as it came in the text protocol. It may wait for more to come: see Flush.
func (c *Copy) Add(row []byte) error {
	if len(c.sql) > c.head {
		c.sql = append(c.sql, ',')
	}
	var ok bool
	if c.sql, ok = c.Shape.appendRow(c.sql, row); !ok {
		return errMalformed
	}
	if len(c.sql) < batchBytes {
		return nil
	}
	return c.send()
}

// send sends the rows that wait, once the server has taken the ones before.
func (c *Copy) send() error {
	if err := c.settle(); err != nil || len(c.sql) == c.head {
		return err
	}
	err := c.conn.Send(c.sql)
	c.sql, c.sent = c.sql[:c.head], err == nil
	return err
}

// Flush sends the rows that wait, and has the server take them all.
func (c *Copy) Flush() error {
	if err := c.send(); err != nil {
		return err
	}
	return c.settle()
}

// settle reads the answer that is still to come.
func (c *Copy) settle() error {
	if !c.sent {
		return nil
	}
	c.sent = false
	r, err := wire.ReadResult(c.conn.Conn)
	if err != nil {
		var refused *wire.Error
		if errors.As(err, &refused) && refused.Code == 1062 {
			return ErrDuplicate
		}
		return err
	}
	if r.Warnings > 0 {
		return c.unaltered()
	}
	return nil
}

// Abandon forgets the rows that wait, and reads the answer that is still to come. Its error is that of the connection.
func (c *Copy) Abandon() error {
	c.sql = c.sql[:min(c.head, len(c.sql))]
	err := c.settle()
	var refused *wire.Error
	if errors.Is(err, ErrDuplicate) || errors.As(err, &refused) {
		return nil
	}
	return err
}

// counts tells whether a warning is about a column whose values are carried as numbers.
func (s *Shape) counts(warning string) bool {
	return slices.ContainsFunc(s.Columns, func(c Column) bool { return c.kind == counted && strings.Contains(warning, "'"+c.Name+"'") })
}

// unaltered looks at the warnings of an INSERT: outside of strict mode a value that does not fit is altered. The number 0
// of an ENUM, which stands for values that were no members, is warned of and kept.
func (c *Copy) unaltered() error {
	const truncated = 1265
	rows, err := c.conn.Query("SHOW WARNINGS")
	if err != nil {
		return err
	}
	for _, r := range rows {
		if string(r[1]) != fmt.Sprint(truncated) || !c.Shape.counts(string(r[2])) {
			return fmt.Errorf("a value does not fit into its copy: %s", r[2])
		}
	}
	return nil
}
