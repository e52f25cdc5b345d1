package txn

// list.go: what a server lists as prepared.

import (
	"fmt"
	"slices"
	"strconv"

	"serval/proxy/backend"
)

// prepared is what XA RECOVER of one server lists.
type prepared struct {
	ours    []XID
	foreign int // not Serval's: never touched
}

func (p *prepared) has(x XID) bool { return slices.Contains(p.ours, x) }

func recoverList(c *backend.Conn) (*prepared, error) {
	rows, err := c.Query("XA RECOVER")
	if err != nil {
		return nil, err
	}
	list := &prepared{}
	for _, row := range rows {
		x, ok, err := readXID(row)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: XA RECOVER: %w", c.Node(), err)
		case ok:
			list.ours = append(list.ours, x)
		default:
			list.foreign++
		}
	}
	return list, nil
}

// readXID reads formatID, gtrid_length, bqual_length and data. Bytes of others may have been converted to a character set
// on their way, so that the lengths do not fit: such a row is foreign.
func readXID(row backend.Row) (x XID, ok bool, err error) {
	if len(row) != 4 {
		return XID{}, false, fmt.Errorf("a row of %d columns", len(row))
	}
	format, err := strconv.ParseInt(string(row[0]), 10, 64)
	if err != nil {
		return XID{}, false, err
	}
	gtrid, errG := strconv.Atoi(string(row[1]))
	bqual, errB := strconv.Atoi(string(row[2]))
	data := row[3]
	if errG != nil || errB != nil || gtrid < 0 || bqual < 0 || gtrid+bqual != len(data) || format < 0 {
		return XID{}, false, nil
	}
	x, ok = ParseXID(uint64(format), data[:gtrid], data[gtrid:])
	return x, ok, nil
}
