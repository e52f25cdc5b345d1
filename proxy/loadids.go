package proxy

// loadids.go: the numbers of the lines of a LOAD DATA, for tables that Serval numbers the rows of (ids.go).

import (
	"strconv"

	"serval/proxy/loaddata"
	"serval/proxy/sequence"
	"serval/router"
)

const (
	mostReserved = 1<<16 - 1 // as servers do for statements of unknown length: 1, 2, 4, 8 … numbers at a time
	mostFlakes   = 1 << 10   // of numbers that are made by time
)

// lineNumbers numbers the lines.
type lineNumbers struct {
	*loading
	source *sequence.Source
	wanted int  // the place of the number in Line.Wanted, -1: it is put in front
	zero   bool // NO_AUTO_VALUE_ON_ZERO

	next, end uint64 // numbers that are reserved
	asked     uint64 // how many were reserved last
	most      uint64 // the greatest number that a line brought and that was not told yet
	first     uint64 // the first number that was made
	text      []byte
}

// newLineNumbers is nil when the table has no such column.
func (l *loading) newLineNumbers(wanted int) *lineNumbers {
	if l.load.Auto == nil {
		return nil
	}
	return &lineNumbers{loading: l, source: l.session.source(l.load.Table), wanted: wanted, zero: l.sqlMode("NO_AUTO_VALUE_ON_ZERO")}
}

// pieces is the line with its number in it, and the number that was made, 0 when the line brought its own.
func (n *lineNumbers) pieces(line *loaddata.Line) (pieces [4][]byte, made uint64, err error) {
	if n == nil {
		return [4][]byte{line.Bytes}, 0, nil
	}
	if n.wanted >= 0 {
		f := line.Wanted[n.wanted]
		row, err := n.load.Number(router.LoadField{Text: f.Text, Null: f.Null, Missing: f.Missing}, n.zero)
		if err != nil {
			return pieces, 0, &badLine{err}
		}
		if row.Given {
			n.most = max(n.most, row.ID)
			return [4][]byte{line.Bytes}, 0, nil
		}
	}
	if made, err = n.make(); err != nil {
		return pieces, 0, err
	}
	n.text = strconv.AppendUint(n.text[:0], made, 10)
	if n.wanted < 0 {
		return [4][]byte{line.Bytes[:line.Body], n.text, n.load.FieldTerm, line.Bytes[line.Body:]}, made, nil
	}
	f := line.Wanted[n.wanted]
	return [4][]byte{line.Bytes[:f.Start], n.text, line.Bytes[f.End:]}, made, nil
}

// make gives the next number, behind those that lines have brought.
func (n *lineNumbers) make() (uint64, error) {
	if n.first == 0 {
		if err := n.countsByOne(); err != nil {
			return 0, err
		}
	}
	if n.most > 0 {
		n.next = max(n.next, n.most+1)
		if err := n.tell(); err != nil {
			return 0, err
		}
	}
	if n.next >= n.end {
		limit := uint64(mostReserved)
		if n.source.Snowflake {
			limit = mostFlakes
		}
		n.asked = min(max(2*n.asked, 1), limit)
		first, err := n.takeNumbers(n.load.Table, int(n.asked))
		if err != nil {
			return 0, err
		}
		n.next, n.end = first, first+n.asked
	}
	made := n.next
	n.next++
	if n.first == 0 {
		n.first = made
	}
	if made > n.source.Max {
		return 0, errNoNumbers()
	}
	return made, nil
}

// tell sees that the numbers that lines have brought are not made again.
func (n *lineNumbers) tell() error {
	if n == nil || n.most == 0 {
		return nil
	}
	defer n.srv.ids.Done(n.source)
	_, err := n.srv.ids.Fill(n.waiting(), n.source, []sequence.Row{{ID: n.most, Given: true}})
	n.most = 0
	if err != nil {
		return numbersMissing(err)
	}
	return nil
}
