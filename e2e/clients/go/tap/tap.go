// Package tap is what the Go programs share: where to connect, the printed lines, and the values of types.tsv.
package tap

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// DSN is a data source name of go-sql-driver with more parameters ("interpolateParams=true").
func DSN(parameters string) string {
	return fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?charset=utf8mb4&%s", os.Getenv("DB_USER"), os.Getenv("DB_PASSWORD"), os.Getenv("DB_HOST"),
		os.Getenv("DB_PORT"), os.Getenv("DB_NAME"), parameters)
}

// Name and Kind are the database and the make of server.
var Name, Kind = os.Getenv("DB_NAME"), os.Getenv("DB_KIND")

// Version prints the version of a module that the program is built with.
func Version(module string) {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == module {
			fmt.Println("version", module, d.Version)
		}
	}
}

// Check prints whether f worked.
func Check(feature string, f func()) {
	defer func() {
		if os.Getenv("STOP_AFTER") == feature {
			os.Exit(0)
		}
	}()
	defer func() {
		if why := recover(); why != nil {
			fmt.Printf("not ok %s: %.400s\n", feature, strings.Join(strings.Fields(fmt.Sprint(why)), " "))
			return
		}
		fmt.Println("ok", feature)
	}()
	f()
}

// Out prints what must be the same on both sides.
func Out(feature string, values ...any) {
	fmt.Print("out ", feature, " ", fmt.Sprintln(values...))
}

// Must ends a feature with an error.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// Get is a value whose error ends the feature.
func Get[T any](v T, err error) T {
	Must(err)
	return v
}

// Same compares.
func Same(what string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		panic(fmt.Sprintf("%s is %#v, not %#v", what, got, want))
	}
}

// Raises checks the server's error code.
func Raises(code uint16, err error) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		panic(fmt.Sprintf("no error %d but %v", code, err))
	}
	Same("the code of "+e.Message, e.Number, code)
}

// Column is a line of types.tsv; the third row is NULL.
type Column struct {
	Name, Kind string
	Rows       [3]any
}

// Columns reads types.tsv, which is in the working directory.
func Columns() []Column {
	var all []Column
	for line := range strings.Lines(string(Get(os.ReadFile("types.tsv")))) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		all = append(all, Column{f[0], f[1], [3]any{value(f[1], f[2]), value(f[1], f[3]), nil}})
	}
	return all
}

func value(kind, text string) any {
	switch kind {
	case "int", "bit", "year":
		if u, err := strconv.ParseUint(text, 10, 64); err == nil && u > 1<<63-1 {
			return u
		}
		return Get(strconv.ParseInt(text, 10, 64))
	case "float":
		return Get(strconv.ParseFloat(text, 64))
	case "bytes":
		return Get(hex.DecodeString(text))
	case "date":
		return Get(time.Parse("2006-01-02", text))
	case "datetime":
		return Get(time.Parse("2006-01-02 15:04:05", text))
	}
	return text
}

// Read is a value that the driver gave, in the form of Column.Rows.
func Read(kind string, got, want any) any {
	switch v := got.(type) {
	case []byte:
		if kind == "bytes" {
			return append([]byte{}, v...)
		}
		if kind == "bit" {
			n := int64(0)
			for _, b := range v {
				n = n<<8 + int64(b)
			}
			return n
		}
		if kind == "int" || kind == "year" || kind == "float" {
			return value(kind, string(v))
		}
		if w, ok := want.(string); ok && kind == "json" {
			return compact(string(v), w)
		}
		if kind == "time" {
			return strings.TrimSuffix(string(v), ".000000")
		}
		return string(v)
	case float32:
		return float64(v)
	case uint64:
		if v <= 1<<63-1 {
			return int64(v)
		}
	}
	return got
}

// compact is the server's JSON as it was written, if only its blanks differ.
func compact(got, want string) string {
	bare := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	if bare(got) == bare(want) {
		return want
	}
	return got
}
