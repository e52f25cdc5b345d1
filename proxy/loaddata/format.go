// Package loaddata cuts the file of a LOAD DATA LOCAL INFILE into its lines, exactly as MySQL and MariaDB do by the
// statement's FIELDS and LINES options (READ_INFO in sql/sql_load.cc of both), finds the fields that decide where a line
// belongs, and collects the lines, byte for byte, in batches. What a server would load from all of the file it loads
// from the batches, each line once. It knows no sockets, no sessions and no shards.
package loaddata

import (
	"errors"
	"fmt"
)

// format.go: the options of a statement, and which of them cannot be followed exactly.

// Format is how a file is cut into lines and fields.
type Format struct {
	FieldTerm, LineTerm, LineStart []byte
	Enclosed, Escaped              int    // a byte, -1: none
	Charset                        string // of the file
	Skip                           uint64 // IGNORE n LINES
	Fields                         int    // how many fields of a line are read: columns and user variables
}

// Unsupported is a format that cannot be followed exactly.
type Unsupported struct{ What, Remedy string }

func (e *Unsupported) Error() string { return e.What + ": " + e.Remedy }

// errFields is a format without fields.
var errFields = errors.New("no fields are read")

// prepare checks the format and puts it as the servers do: a line terminator that is the field terminator is none.
func (f *Format) prepare() error {
	if f.Fields < 1 {
		return errFields
	}
	for _, s := range []struct {
		clause string
		text   []byte
	}{{"FIELDS TERMINATED BY", f.FieldTerm}, {"LINES TERMINATED BY", f.LineTerm}, {"LINES STARTING BY", f.LineStart}} {
		for _, b := range s.text {
			if b >= 0x80 {
				return &Unsupported{s.clause + " with characters outside of ASCII", "use separators of ASCII characters"}
			}
		}
	}
	if f.Enclosed >= 0x80 || f.Escaped >= 0x80 {
		return &Unsupported{"FIELDS ENCLOSED or ESCAPED BY with characters outside of ASCII", "use ASCII characters"}
	}
	if len(f.FieldTerm) == 0 && f.Enclosed < 0 {
		return &Unsupported{"the fixed-row format (FIELDS TERMINATED BY '' ENCLOSED BY '')", "write the file with a field terminator"}
	}
	if len(f.FieldTerm) == len(f.LineTerm) && string(f.FieldTerm) == string(f.LineTerm) {
		f.LineTerm = nil
	}
	if len(f.LineTerm) == 0 && f.Skip > 0 {
		return &Unsupported{"IGNORE LINES in a file whose lines have no terminator of their own", "leave the lines out of the file"}
	}
	return f.checkCharset()
}

func (f *Format) checkCharset() error {
	w := widthOf(f.Charset)
	if w == unknownWidth {
		return &Unsupported{"a file in the character set " + f.Charset, "convert it to utf8mb4, and say CHARACTER SET utf8mb4"}
	}
	if !w.asciiTails() {
		return nil
	}
	for _, b := range []int{first(f.FieldTerm), first(f.LineTerm), f.Enclosed} {
		if b >= 0x30 { // it could be the end of a character, which the servers treat differently from place to place
			return &Unsupported{fmt.Sprintf("the separator %q in a file in %s, whose characters may end like that", rune(b), f.Charset), "convert the file to utf8mb4, and say CHARACTER SET utf8mb4"}
		}
	}
	return nil
}

// first is the first byte of a separator, -1: it is empty.
func first(s []byte) int {
	if len(s) == 0 {
		return -1
	}
	return int(s[0])
}
