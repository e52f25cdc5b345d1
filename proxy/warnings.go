package proxy

// warnings.go: SHOW WARNINGS. The connection that a statement ran on belongs to others afterwards, so its warnings are
// fetched while it is still held, when there are any.

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
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
	if !c.more && !c.composing {
		if err := c.conn.Flush(); err != nil {
			return err
		}
	}
	rows, err := conn.Query("SHOW WARNINGS")
	if err != nil {
		return fmt.Errorf("show warnings: %w", err)
	}
	return c.addWarnings(rows)
}

// fetchWarnings makes the warnings of what Serval itself said to a server those of the client's statement.
func (c *session) fetchWarnings(conn *backend.Conn) error {
	c.patch.start(&router.Plan{})
	c.warnings, c.composing = nil, true
	defer func() { c.composing = false }()
	return c.collectWarnings(conn)
}

// addWarnings puts the rows of a server's SHOW WARNINGS to the session's list.
func (c *session) addWarnings(rows []backend.Row) error {
	for _, r := range rows {
		if len(c.warnings) == maxWarnings || len(r) != 3 {
			break
		}
		code, err := strconv.ParseUint(string(r[1]), 10, 16)
		if err != nil {
			return fmt.Errorf("show warnings: %w", err)
		}
		c.warnings = append(c.warnings, warning{string(r[0]), uint16(code), c.patch.text(uint16(code), c.fromResults(string(r[2])))})
	}
	return nil
}

// showWarnings answers SHOW WARNINGS or, with errors only, SHOW ERRORS; the list stays as it is.
func (c *session) showWarnings(errorsOnly bool) error {
	t := c.newTable("", "Level", wire.TypeVarString, "Code", wire.TypeLong, "Message", wire.TypeVarString)
	bytes := c.state.resultBytes()
	t.columns[0].Length, t.columns[0].Flags = 7*bytes, wire.FlagNotNull
	t.columns[1].Length, t.columns[1].Flags = 5, wire.FlagNotNull|wire.FlagUnsigned|wire.FlagBinary
	t.columns[2].Length, t.columns[2].Flags = 512*bytes, wire.FlagNotNull
	if c.srv.known.Load().flavor.mariadb {
		t.columns[0].Decimals, t.columns[1].Length, t.columns[2].Decimals = 39, 4, 39
	}
	for _, w := range c.warnings {
		if !errorsOnly || w.level == "Error" {
			t.add(w.level, strconv.Itoa(int(w.code)), w.message)
		}
	}
	return c.answerTable(t)
}

// errorCount is @@error_count.
func (c *session) errorCount() int {
	n := 0
	for i := range c.warnings {
		if c.warnings[i].level == "Error" {
			n++
		}
	}
	return n
}

// countWarnings answers SHOW COUNT(*) WARNINGS or ERRORS; the list stays as it is.
func (c *session) countWarnings(errorsOnly bool) error {
	name, n := "@@session.warning_count", len(c.warnings)
	if errorsOnly {
		name, n = "@@session.error_count", c.errorCount()
	}
	t := c.newTable("", name, wire.TypeLongLong)
	t.columns[0].Flags |= wire.FlagUnsigned
	t.add(strconv.Itoa(n))
	return c.answerTable(t)
}

// mergedWarnings makes one list of the lists of the legs that had warnings. A warning about the statement itself (a
// constant that cannot be converted, a deprecated word) comes from every leg in the same words, and is one warning on
// one server: as many of it as every leg has are the statement's. Warnings about rows have a row's number or do not
// come from every leg, and add up.
func (c *session) mergedWarnings(lists [][]warning, legs int) []warning {
	if legs < 2 || len(lists) != legs {
		return slices.Concat(lists...)
	}
	common := map[warning]int{} // how many of it every leg has
	for i, l := range lists {
		have := map[warning]int{}
		for _, w := range l {
			if !aboutRow(w) {
				have[w]++
			}
		}
		if i == 0 {
			common = have
			continue
		}
		for w, n := range common {
			common[w] = min(n, have[w])
		}
	}
	merged := slices.Clone(lists[0])
	for _, l := range lists[1:] {
		left := maps.Clone(common)
		for _, w := range l {
			if left[w] > 0 {
				left[w]--
				continue
			}
			merged = append(merged, w)
		}
	}
	return merged
}

func aboutRow(w warning) bool {
	return w.code == 1365 || w.code == 1062 || strings.Contains(w.message, " at row ")
}

// sortByRow puts the warnings of a split INSERT into the order of its rows, where all of them name one.
func sortByRow(list []warning) {
	rows := map[warning]int{}
	for _, w := range list {
		_, number, found := cutLast(w.message, " at row ")
		n, err := strconv.Atoi(number)
		if !found || err != nil {
			return
		}
		rows[w] = n
	}
	slices.SortStableFunc(list, func(a, b warning) int { return rows[a] - rows[b] })
}

// maxErrors is max_error_count, how many warnings SHOW WARNINGS knows.
func (c *session) maxErrors() int {
	if n, err := strconv.Atoi(c.state.vars["max_error_count"]); err == nil {
		return n
	}
	if c.known.flavor.mariadb {
		return 64
	}
	return maxWarnings
}

// warningCount is the count for a list of warnings, of which the servers counted total: they count more than they keep.
func warningCount(list []warning, total uint16) uint16 {
	if len(list) < maxWarnings {
		return uint16(len(list))
	}
	return total
}
