package backend

import (
	"errors"
	"strings"
	"testing"

	"serval/config"
	"serval/proxy/wire"
)

func TestDiffVars(t *testing.T) {
	tests := []struct {
		have, want string
		renamed    bool
		set        string
		renew      bool
		moved      bool
	}{
		{},
		{have: "a=1", want: "a=1"},
		{want: "a=1,b='x'", set: "a=1,b='x'"},
		{have: "a=1,b=2", want: "b=2", set: "a=DEFAULT"},
		{have: "a=1,b=2", want: "a=3,c=4", set: "b=DEFAULT,a=3,c=4"},
		{have: "a='x,b=2'", want: "a='x,b=3'", set: "a='x,b=3'"},
		{have: "a='it''s,',b=f(1,2)", want: "b=f(1,3)", set: "a=DEFAULT,b=f(1,3)"},
		{have: "@u=1", set: "@u=NULL"},
		{have: "@`a,b=c`=1,x=1", want: "@`a,b=c`=2,x=1", set: "@`a,b=c`=2"},
		{have: "@`a``'`='(',x=1", want: "x=1", set: "@`a``'`=NULL"},
		{have: "@`e`=1,@`é`=1", want: "@`e`=1", set: "@`é`=NULL,@`e`=1"}, // one variable for MySQL
		{have: "max_join_size=5,sql_big_selects=0", want: "sql_big_selects=0", set: "max_join_size=DEFAULT,sql_big_selects=0"},
		{have: "collation_database='latin1_bin'", moved: true},
		{have: "collation_database='latin1_bin'", want: "collation_database='latin1_bin'", moved: true, set: "collation_database='latin1_bin'"},
		{have: "@@sql_mode=''", set: "@@sql_mode=DEFAULT"},
		{have: "character_set_results=NULL", renew: true},
		{want: "character_set_results=NULL", set: "character_set_results=NULL"},
		{have: "a=1,character_set_results=NULL", want: "a=1,character_set_results=NULL", renamed: true, set: "character_set_results=NULL"},
		{have: "character_set_client=latin1,character_set_results=NULL", want: "character_set_results=NULL", renew: true, set: "character_set_results=NULL"},
	}
	for _, tt := range tests {
		d := diffVars(tt.have, tt.want, tt.renamed, tt.moved)
		if d.set != tt.set || d.renew != tt.renew || d.defaults != strings.Contains(tt.set, "=DEFAULT") {
			t.Errorf("diffVars(%q, %q, %v, %v) = %+v; want %q, %v", tt.have, tt.want, tt.renamed, tt.moved, d, tt.set, tt.renew)
		}
	}
}

// Every step starts from the state that the one before has left.
func TestSetState(t *testing.T) {
	f := startFake(t)
	f.answer("D gone", fakeReply{err: &wire.Error{Code: 1049, State: "42000", Message: "Unknown database 'gone'"}})
	f.answer("Q SET bad=1", fakeReply{err: &wire.Error{Code: 1193, State: "HY000", Message: "Unknown system variable 'bad'"}})
	f.answer("Q SET rand_seed1=DEFAULT", fakeReply{err: &wire.Error{Code: 1230, State: "42000", Message: "no default"}})
	_, n := f.open(config.Pool{Max: 1, MaxIdle: 1})
	steps := []struct {
		name string
		want State
		said string
		code uint16
	}{
		{"new", State{}, "Q SET NAMES " + DefaultNames, 0},
		{"nothing", State{}, "", 0},
		{"named default", State{Names: DefaultNames}, "", 0},
		{"database", State{Database: "shop"}, "D shop", 0},
		{"do not care", State{}, "", 0},
		{"all", State{Database: "a", Names: "latin1", Vars: "x=1,y='q'"}, "D a; Q SET NAMES latin1; Q SET x=1,y='q'", 0},
		{"one less", State{Database: "a", Names: "latin1", Vars: "y='q'"}, "Q SET x=DEFAULT", 0},
		{"unknown database, the rest done", State{Database: "gone", Vars: "y='q'"}, "D gone; Q SET NAMES " + DefaultNames, 1049},
		{"still in the old one", State{Database: "a", Vars: "y='q'"}, "", 0},
		{"refused SET", State{Database: "a", Vars: "bad=1,y='q'"}, "Q SET bad=1", 1193},
		{"everything anew", State{Database: "a", Vars: "y='q'"},
			"R; D a; Q SET NAMES " + DefaultNames + "; Q SET y='q'", 0},
		{"back", State{}, "Q SET y=DEFAULT", 0},
		{"without a default", State{Vars: "rand_seed1=5"}, "Q SET rand_seed1=5", 0},
		{"is not the next session's fault", State{Database: "a"},
			"Q SET rand_seed1=DEFAULT; R; D a; Q SET NAMES " + DefaultNames, 0},
		{"results", State{Vars: "character_set_results=NULL"}, "Q SET character_set_results=NULL", 0},
		{"no results", State{}, "Q SET NAMES " + DefaultNames, 0},
		{"nothing to do", State{}, "", 0},
	}
	for _, s := range steps {
		c := acquire(t, n)
		err := c.SetState(&s.want)
		var refused *wire.Error
		if s.code == 0 && err != nil || s.code != 0 && (!errors.As(err, &refused) || refused.Code != s.code) {
			t.Errorf("%s: %v", s.name, err)
		}
		if got := f.said(); got != s.said {
			t.Errorf("%s: said %q, want %q", s.name, got, s.said)
		}
		c.Release()
	}
	if n.Stats().Connects != 1 {
		t.Error("a refusal cost the connection")
	}
	c := acquire(t, n)
	defer c.Release()
	c.Forget()
	if err := c.SetState(&State{}); err != nil || f.said() != "R; Q SET NAMES "+DefaultNames {
		t.Errorf("forget: %v", err)
	}
}

func TestSetStateLost(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 1, MaxIdle: 1})
	c := acquire(t, n)
	f.stop()
	err := c.SetState(&State{Database: "a"})
	var refused *wire.Error
	if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "group g0") {
		t.Errorf("lost: %v", err)
	}
	if err := c.SetState(&State{Database: "a"}); err == nil {
		t.Error("a broken connection was used")
	}
	c.Release()
	wantStats(t, n, 0, 0, 0)
	f.start()
	// A server whose reset fails leaves nothing to be sure of.
	f.answer("R", fakeReply{err: &wire.Error{Code: 1047, State: "08S01", Message: "Unknown command"}})
	c = acquire(t, n)
	c.Forget()
	if err := c.SetState(&State{}); err == nil || errors.As(err, &refused) {
		t.Errorf("reset refused: %v", err)
	}
	c.Release()
	wantStats(t, n, 0, 0, 0)
}

func TestExecAndQuery(t *testing.T) {
	f := startFake(t)
	f.answer("Q SELECT 1", fakeReply{rows: []any{"a", nil, ""}})
	f.answer("Q BAD", fakeReply{err: &wire.Error{Code: 1064, State: "42000", Message: "syntax"}})
	_, n := f.open(config.Pool{Max: 1, MaxIdle: 1})
	c := acquire(t, n)
	defer c.Release()
	if ok, err := c.Exec("DO 1"); err != nil || ok.AffectedRows != 1 || ok.Status != wire.StatusAutocommit {
		t.Errorf("%+v, %v", ok, err)
	}
	if ok, err := c.Exec("SELECT 1"); err != nil || ok.Status != wire.StatusAutocommit {
		t.Errorf("rows dropped: %+v, %v", ok, err)
	}
	rows, err := c.Query("SELECT 1")
	if err != nil || len(rows) != 3 || string(rows[0][0]) != "a" || rows[1][0] != nil || rows[2][0] == nil || len(rows[2][0]) != 0 {
		t.Errorf("%q, %v", rows, err)
	}
	var refused *wire.Error
	if _, err := c.Query("BAD"); !errors.As(err, &refused) || refused.Code != 1064 {
		t.Error(err)
	}
	if _, err := c.Exec("BAD"); !errors.As(err, &refused) {
		t.Error(err)
	}
	if rows, err := c.Query("DO 1"); err != nil || rows != nil {
		t.Errorf("%v, %v", rows, err)
	}
	long := "DO '" + strings.Repeat("x", 20<<20) + "'"
	if _, err := c.Exec(long); err != nil {
		t.Error(err)
	}
	if got := f.said(); !strings.HasSuffix(got, long) {
		t.Error("a long statement was not sent as it is")
	}
}
