package proxy

// warnings.go: SHOW WARNINGS. The connection that a statement ran on belongs to others afterwards, so its warnings are
// fetched while it is still held, when there are any.

import (
	"fmt"
	"strconv"

	"serval/proxy/backend"
	"serval/proxy/wire"
)

// maxWarnings is how many warnings a session keeps: max_error_count's default.
const maxWarnings = 1024

type warning struct {
	level   string // Note, Warning or Error
	code    uint16
	message string
}

// collectWarnings fetches the warnings of the last statement on conn. The client has its answer already, and gets it
// now: it does not wait for this.
func (c *session) collectWarnings(conn *backend.Conn) error {
	if !c.more {
		if err := c.conn.Flush(); err != nil {
			return err
		}
	}
	rows, err := conn.Query("SHOW WARNINGS")
	if err != nil {
		return fmt.Errorf("show warnings: %w", err)
	}
	for _, r := range rows {
		if len(c.warnings) == maxWarnings || len(r) != 3 {
			break
		}
		code, err := strconv.ParseUint(string(r[1]), 10, 16)
		if err != nil {
			return fmt.Errorf("show warnings: %w", err)
		}
		c.warnings = append(c.warnings, warning{string(r[0]), uint16(code), c.patch.text(uint16(code), string(r[2]))})
	}
	return nil
}

// showWarnings answers SHOW WARNINGS or, with errors only, SHOW ERRORS; the list stays as it is.
func (c *session) showWarnings(errorsOnly bool) error {
	t := newTable("", "Level", wire.TypeVarString, "Code", wire.TypeLong, "Message", wire.TypeVarString)
	t.columns[0].Length, t.columns[0].Flags = 28, wire.FlagNotNull
	t.columns[1].Length, t.columns[1].Flags = 4, wire.FlagNotNull|wire.FlagUnsigned|wire.FlagBinary
	t.columns[2].Length, t.columns[2].Flags = 2048, wire.FlagNotNull
	for _, w := range c.warnings {
		if !errorsOnly || w.level == "Error" {
			t.add(w.level, strconv.Itoa(int(w.code)), w.message)
		}
	}
	return c.answerTable(t)
}
