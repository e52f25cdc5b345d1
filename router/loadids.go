package router

// loadids.go: the AUTO_INCREMENT column of a LOAD DATA into a table in several places. The numbers are Serval's, as of an
// INSERT (ids.go): they are put into the lines.

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// numbers finds where the lines have their number.
func (l *Load) numbers(s *ast.LoadDataStmt, columns []*ast.ColumnNameOrUserVar) error {
	t := l.Table
	auto := autoIncrement(t)
	if auto == nil {
		return nil
	}
	l.Auto, l.AutoField = auto, -1
	for i, c := range columns {
		if c.ColumnName == nil || !strings.EqualFold(c.ColumnName.Name.O, auto.Name) {
			continue
		}
		if l.AutoField >= 0 {
			return refuse("a column that is named twice in LOAD DATA", t, "name %s once", auto.Name)
		}
		l.AutoField = i
	}
	for _, a := range s.ColumnAssignments {
		if strings.EqualFold(a.Column.Name.O, auto.Name) {
			return refuse("SET of the AUTO_INCREMENT column "+auto.Name+" in LOAD DATA", t, "put it into the column list and its values into the file, or leave it out")
		}
	}
	switch {
	case !isIntegerType(auto.DataType):
		return refuse("AUTO_INCREMENT ids of the type "+auto.DataType, t, "make %s an integer", auto.Name)
	case len(l.FieldTerm) == 0:
		return refuse("FIELDS TERMINATED BY '' in LOAD DATA into a table with AUTO_INCREMENT", t, "write the file with a field terminator")
	case digit(l.Enclosed) || digit(l.Escaped) || digit(firstByte(l.FieldTerm)) || digit(firstByte(l.LineTerm)):
		return refuse("digits as separators in LOAD DATA into a table with AUTO_INCREMENT", t, "use other separators")
	}
	return nil
}

func digit(b int) bool { return '0' <= b && b <= '9' }

func firstByte(s []byte) int {
	if len(s) == 0 {
		return -1
	}
	return int(s[0])
}

// Number is what a line says of its number. zero: NO_AUTO_VALUE_ON_ZERO, 0 is one.
func (l *Load) Number(f LoadField, zero bool) (NumberedRow, error) {
	switch {
	case f.Null:
		return NumberedRow{}, nil
	case f.Missing:
		return NumberedRow{}, unnumbered(l.Auto, "a line that is too short to have it", "give every line a number or \\N")
	}
	k, err := integerInserted(l.Auto, Value{Kind: ValueString, Text: f.Text})
	switch {
	case err != nil:
		return NumberedRow{}, unnumbered(l.Auto, "a string that is not an exact integer in its range", "give every line a number or \\N")
	case k.Negative:
		return NumberedRow{Given: true}, nil
	}
	return NumberedRow{ID: k.Magnitude, Given: k.Magnitude > 0 || zero}, nil
}

func unnumbered(col *Column, given, instead string) error {
	return fmt.Errorf("column '%s' is AUTO_INCREMENT and cannot be taken from %s; %s", col.Name, given, instead)
}
