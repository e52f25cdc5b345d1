package txn

import (
	"strings"
	"testing"
	"time"
)

func TestXID(t *testing.T) {
	id := NewID("0123456789abcdef", 4294967295)
	x := XID{ID: id, Thread: 17}
	if len(id.String()) > 64 {
		t.Errorf("%s is longer than servers allow", id)
	}
	got, ok := ParseXID(formatID, []byte(id.String()), []byte("17"))
	if !ok || got != x {
		t.Errorf("%v, %v, want %v", got, ok, x)
	}
	if want := "'" + id.String() + "','17',1397051990"; x.SQL() != want {
		t.Errorf("SQL %s, want %s", x.SQL(), want)
	}
	if age := time.Since(id.Made()); age < 0 || age > time.Minute {
		t.Errorf("made %v ago", age)
	}
	if one, other := NewID("0123456789abcdef", 1), NewID("0123456789abcdef", 1); one == other {
		t.Error("two transactions with one name")
	}
}

func TestForeignXIDs(t *testing.T) {
	good := NewID("0123456789abcdef", 1).String()
	for _, c := range []struct {
		format       uint64
		gtrid, bqual string
	}{
		{1, good, "17"},
		{formatID, good, "b1"},
		{formatID, good, ""},
		{formatID, "", "17"},
		{formatID, strings.TrimPrefix(good, "serval"), "17"},
		{formatID, "x" + good, "17"},
		{formatID, good + "/1", "17"},
		{formatID, good + "0", "17"},
		{formatID, strings.ToUpper(good), "17"},
		{formatID, strings.Replace(good, "/1/", "/-1/", 1), "17"},
	} {
		if x, ok := ParseXID(c.format, []byte(c.gtrid), []byte(c.bqual)); ok {
			t.Errorf("%v taken for Serval's: %v", c, x)
		}
	}
}
