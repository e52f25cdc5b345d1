package main

import (
	"strings"
	"testing"
)

// tour_test.go: the page's form; demo_test.go has what is on it.

func TestPrintStop(t *testing.T) {
	s := stop{"Title", "SELECT 1 FROM t"}
	for _, c := range []struct {
		name   string
		routes []route
		want   string
	}{
		{"one shard", []route{{"7", "g1", " SELECT 1 FROM t_7", "single", "k = 7"}}, `1. Title
   SELECT 1 FROM t;
     route  shard 7 in g1 (single)
     sends  SELECT 1 FROM t_7
     why    k = 7

`},
		{"several", []route{
			{"0", "g0", "SELECT 1 FROM t_0", "scatter", "no key"},
			{"1", "g0", "SELECT 1 FROM t_1", "scatter", "no key"},
			{"4", "g1", "SELECT 1 FROM t_4", "scatter", "no key"},
		}, `1. Title
   SELECT 1 FROM t;
     route  shards 0, 1 in g0; 4 in g1 (scatter)
     sends  SELECT 1 FROM t_0
            and the like to the other 2
     why    no key

`},
		{"a table that is not cut", []route{{"", "g2", "SELECT 1 FROM t", "group", "vertical"}}, `1. Title
   SELECT 1 FROM t;
     route  g2 (group)
     sends  SELECT 1 FROM t
     why    vertical

`},
		{"nowhere", nil, `1. Title
   SELECT 1 FROM t;
     route  no shard is asked

`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got strings.Builder
			printStop(&got, 1, s, c.routes)
			if got.String() != c.want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), c.want)
			}
		})
	}
}

func TestClientAddress(t *testing.T) {
	for _, c := range []struct{ listening, host, port string }{
		{"127.0.0.1:3307", "127.0.0.1", "3307"},
		{"[::]:3307", "127.0.0.1", "3307"},
		{"0.0.0.0:3310", "127.0.0.1", "3310"},
		{"10.1.2.3:3307", "10.1.2.3", "3307"},
		{"[::1]:3307", "::1", "3307"},
	} {
		if host, port := clientAddress(c.listening); host != c.host || port != c.port {
			t.Errorf("%s: got %s %s", c.listening, host, port)
		}
	}
}
