package proxy

import "testing"

func TestWithCounter(t *testing.T) {
	for _, c := range []struct {
		def  string
		n    uint64
		want string
	}{
		{"CREATE TABLE `t` (\n  `a` int AUTO_INCREMENT\n) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=x", 7, "CREATE TABLE `t` (\n  `a` int AUTO_INCREMENT\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=x"},
		{"CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB DEFAULT CHARSET=x", 7, "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=x"},
		{"CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB", 7, "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB AUTO_INCREMENT=7"},
		{"CREATE TABLE `t` (\n  `a` int COMMENT ' AUTO_INCREMENT=3'\n) ENGINE=InnoDB", 0, "CREATE TABLE `t` (\n  `a` int COMMENT ' AUTO_INCREMENT=3'\n) ENGINE=InnoDB"},
		{"CREATE TABLE `t` (\n  `a` int\n)", 7, "CREATE TABLE `t` (\n  `a` int\n)"},
	} {
		if got := withCounter(c.def, c.n); got != c.want {
			t.Errorf("%q, %d: %q", c.def, c.n, got)
		}
	}
}
