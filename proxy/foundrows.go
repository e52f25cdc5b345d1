package proxy

// foundrows.go: FOUND_ROWS(). The session keeps the count: of the rows that it passed on, with those that OFFSET skipped;
// of SQL_CALC_FOUND_ROWS what the servers say while their connections are held. Which other statements change it was
// found by asking both kinds of server.

import (
	"strconv"

	"serval/proxy/backend"
	"serval/router"
)

// noteFound notes the rows of a result that was relayed or merged.
func (c *session) noteFound(rows uint64) {
	p := c.patch.plan
	switch {
	case p.Verb == router.VerbSelect:
		c.found = rows + p.Skipped(&c.st)
	case c.patch.explains && c.known.flavor.mariadb:
		c.found = 0
	case p.Verb == router.VerbShow:
		c.found = rows
	}
}

// noteFoundWrite notes what a write counts.
func (c *session) noteFoundWrite(affected uint64) {
	p, maria := c.patch.plan, c.known.flavor.mariadb
	switch {
	case p.FromSelect && (p.Temporary || p.Verb == router.VerbDDL): // CREATE TABLE … SELECT
		if maria {
			c.found = affected
		}
	case p.FromSelect, p.Verb == router.VerbUpdate && !maria:
		c.found = c.patch.info
	case p.Verb == router.VerbOther && !maria && p.Anywhere: // DO
		c.found = 1
	}
}

// askFoundRows takes over FOUND_ROWS() from the server that has just answered.
func (c *session) askFoundRows(conn *backend.Conn) error {
	n, err := foundRowsOf(conn)
	if err == nil {
		c.found = n
	}
	return err
}

func foundRowsOf(conn *backend.Conn) (uint64, error) {
	rows, err := conn.Query("SELECT FOUND_ROWS()")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(rows[0][0]), 10, 64)
}

// askLegsFoundRows adds up FOUND_ROWS() of the legs of a scatter that were asked at once. What is left of their rows is
// read first.
func (g *gathered) askLegsFoundRows() error {
	var sum uint64
	for i, r := range g.results {
		err := r.Discard()
		if err == nil {
			var n uint64
			n, err = foundRowsOf(g.conns[i])
			sum += n
		}
		if err != nil {
			return execFailed(g.conns[i], err)
		}
	}
	g.found = sum
	return nil
}
