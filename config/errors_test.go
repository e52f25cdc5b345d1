package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// errors_test.go: what is said about wrong files: every mistake, at its line and column.

// errorTest is a text and everything that is wrong with it: "line:column part of the message", in file order.
type errorTest struct {
	name, text string
	want       []string
}

func checkErrors(t *testing.T, tests []errorTest, src source) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse([]byte(test.text), "t.yaml", src)
			var list Errors
			if err != nil && !errors.As(err, &list) {
				t.Fatalf("%T is not Errors", err)
			}
			for i, e := range list {
				got := fmt.Sprintf("%d:%d %s; %s", e.Line, e.Column, e.Message, e.Hint)
				if i >= len(test.want) {
					t.Errorf("unexpected: %s", got)
					continue
				}
				at, part, _ := strings.Cut(test.want[i], " ")
				if !strings.HasPrefix(got, at+" ") || !strings.Contains(got, part) {
					t.Errorf("got  %s\nwant %s", got, test.want[i])
				}
			}
			for _, missing := range test.want[min(len(list), len(test.want)):] {
				t.Errorf("not reported: %s", missing)
			}
		})
	}
}

// around is a valid file whose top level is extended.
func around(extra string) string {
	return `users: {app: {password: app}}
groups: {g0: {primary: "a:1", user: root, password: ""}}
databases: {shop: }
` + extra
}

const aroundLines = 3

// line4 is the first line of what around adds, line11 that of frame.
const (
	line4  = "4:"
	line11 = "11:"
)

func TestTopErrors(t *testing.T) {
	checkErrors(t, []errorTest{
		{"empty", "", []string{"1:1 the file is empty"}},
		{"comments only", "# nothing\n\n", []string{"1:1 the file is empty"}},
		{"not a mapping", "- a\n", []string{"1:1 the file: a mapping is wanted, not a list", "1:1 groups: is missing", "1:1 databases: is missing", "1:1 users: is missing"}},
		{"nothing in it", "users:\ngroups: {}\ndatabases:\n", []string{"1:1 users: is empty", "2:1 groups: is empty", "3:1 databases: is empty"}},
		{"no cascade", "users: {a: {password: x, databases: [shop]}}\ngroups: {g0: {primary: \"a:1\", user: u, password: p}}\n", []string{"1:1 databases: is missing"}},
		{"no cascade of groups", "users: {a: {password: x}}\ndatabases: {s: {default_group: g0, tables: {t: {group: g1}}}}\n", []string{"1:1 groups: is missing"}},
		{"unknown key", around("listner: x\n"), []string{line4 + `1 unknown key "listner"; did you mean "listeners"?`}},
		{"unknown key, nothing near", around("zzz: x\n"), []string{line4 + `1 unknown key "zzz"; the keys here are listeners, admin`}},
		{"wrong case", around("Log: {}\n"), []string{line4 + `1 unknown key "Log"; did you mean "log"?`}},
		{"duplicate key", around("plan_cache: 1\nadmin: off\nplan_cache: 2\n"), []string{"6:1 duplicate key \"plan_cache\", first given on line 4"}},
		{"all at once", around("plan_cache: x\nlog: {level: loud}\nadmin: nowhere\n"), []string{
			`4:13 plan_cache: "x" is not a whole number`, `5:14 log.level: "loud" is not known; write one of debug`, `6:8 admin: "nowhere" is not an address`}},
		{"near choice", around("transactions: {across_groups: best-effort}\n"), []string{`4:31 did you mean "best_effort"?`}},
		{"retired", around("multi_group_writes: best_effort\n"), []string{`4:1 unknown key "multi_group_writes"; it is transactions: {across_groups: …} now`}},
		{"servers' own database", around("transactions: {database: MySQL}\n"), []string{`4:26 "MySQL" is a database of the servers themselves`}},
		{"own database", around("transactions: {database: shop}\n"), []string{`3:13 databases.shop: "shop" is Serval's own database on the servers (transactions.database); call it otherwise`}},
		{"flag", around("log: {statements: yes}\n"), []string{`4:19 "yes" is neither true nor false`}},
		{"octal", around("plan_cache: 010\n"), []string{`4:13 "010" is not a whole number`}},
		{"too small", around("plan_cache: 0\n"), []string{"4:13 0 is out of range; write one from 1 to 10000000"}},
		{"size", around("max_packet: 64XB\n"), []string{`4:13 "64XB" is not a size`}},
		{"size too large", around("max_packet: 2G\n"), []string{"4:13 2G is out of range"}},
		{"size overflow", around("max_packet: 99999999999999999999G\n"), []string{"4:13 is out of range"}},
		{"no value", around("log: {level: }\n"), []string{"4:14 log.level: there is no value"}},
		{"no value in a block", around("log:\n  level:\n  format: text\n"), []string{"5:9 log.level: there is no value"}},
		{"list for a value", around("log: {level: [info]}\n"), []string{"4:14 log.level: a single value is wanted, not a list"}},
		{"mapping for a value", around("plan_cache: {a: b}\n"), []string{"4:13 plan_cache: a single value is wanted, not a mapping"}},
		{"mapping for a list", around("listeners: {address: \"a:1\"}\n"), []string{"4:12 listeners: a list is wanted, not a mapping"}},
		{"merge key", around("log: {<<: {level: info}}\n"), []string{"4:7 merge keys"}},
		{"key that is a list", around("? [a]\n: b\n"), []string{"4:3 a key cannot be a list"}},
		{"own type", around("log: {level: !x info}\n"), []string{"4:14 types of your own"}},
		{"listener without address", around("listeners: [{adress: \"a:1\"}, {}]\n"), []string{`4:14 unknown key "adress"; did you mean "address"?`, "4:30 the key address is missing"}},
		{"no listener", around("listeners: []\n"), []string{"4:12 listeners: there is none"}},
		{"listener twice", around("listeners: [\":3307\", \"127.0.0.1:3307\"]\n"), []string{"4:22 :3307 and 127.0.0.1:3307 are one port"}},
		{"admin on a listener", around("admin: 127.0.0.1:3307\n"), []string{"4:1 127.0.0.1:3307 is also a listener's port"}},
		{"gather group", around("gather: {group: g7}\n"), []string{`4:17 gather.group: no group is called "g7"; there are g0`}},
		{"alias", around("log: {level: &a loud, format: *a}\n"), []string{`4:14 log.level: "loud"`, `4:14 log.format: "loud"`}},
	}, world(nil, nil))
	if aroundLines != strings.Count(around(""), "\n") || frameLines != strings.Count(frame(""), "\n") {
		t.Error("the tests' line numbers are off")
	}
}

func TestListenerErrors(t *testing.T) {
	text := func(listener string) string { return around("listeners: [" + listener + "]\n") }
	checkErrors(t, []errorTest{
		{"unknown key", text("{address: \"a:1\", tsl: {}}"), []string{`4:30 listeners[0]: unknown key "tsl"; did you mean "tls"?`}},
		{"tls without files", text("{address: \"a:1\", tls: {}}"), []string{"4:30 listeners[0].tls: the key cert is missing"}},
		{"tls as a word", text("{address: \"a:1\", tls: required}"), []string{"4:35 listeners[0].tls: a mapping is wanted"}},
		{"cert without key", text("{address: \"a:1\", tls: {cert: /ca}}"), []string{"4:36 cert is given without key"}},
		{"no pair", text("{address: \"a:1\", tls: {cert: /ca, key: /ca}}"), []string{"4:52 it does not go with cert"}},
		{"no file", text("{address: \"a:1\", tls: {cert: /no, key: /no}}"), []string{"4:42 the file /no cannot be read", "4:52 the file /no cannot be read"}},
		{"no authorities", text("{address: \"a:1\", tls: {cert: /cert, key: /key, client_ca: /ca}}"), []string{"4:71 no certificate in PEM form"}},
		{"nobody to ask", text("{address: \"a:1\", tls: {cert: /cert, key: /key, client_cert: required}}"), []string{"4:60 clients' certificates cannot be checked; add client_ca"}},
		{"required and not", text("{address: \"a:1\", tls: {cert: /cert, key: /key, client_ca: /cert, client_cert: required, require: false}}"), []string{"4:101 a certificate can only be shown with TLS"}},
		{"no networks", text("{address: \"a:1\", proxy_protocol: {}}"), []string{"4:30 the key from is missing"}},
		{"no network", text("{address: \"a:1\", proxy_protocol: {from: [lb, 10.0.0.1/8, \"::1\"]}}"), []string{`4:54 "lb" is no network`, "4:58 has bits behind its length; write 10.0.0.0/8"}},
		{"empty networks", text("{address: \"a:1\", proxy_protocol: {from: []}}"), []string{"4:47 there is none"}},
		{"proxies of a socket", text("{address: /s, proxy_protocol: {from: 10.0.0.1}}"), []string{"4:27 peers of a Unix socket have no addresses"}},
		{"folder", text("/run/"), []string{`4:13 "/run/" is a folder`}},
		{"long path", text("/" + strings.Repeat("x", 110)), []string{"4:13 too long for a Unix socket"}},
		{"socket twice", text("/s, /s"), []string{"4:17 /s and /s are one socket"}},
		{"permissions", text("{address: /s, permissions: rw}"), []string{`4:40 "rw" are no permissions`}},
		{"permissions of a port", text("{address: \"a:1\", permissions: 0600}"), []string{"4:30 only a Unix socket has permissions"}},
		{"require_tls without", "users: {app: {password: app, require_tls: true}}\ngroups: {g0: {primary: \"a:1\", user: root, password: \"\"}}\ndatabases: {shop: }\n",
			[]string{"1:30 users.app.require_tls: no listener has TLS"}},
	}, world(nil, map[string]string{"/ca": "not PEM", "/cert": testCert, "/key": testKey}))
}

func TestSyntaxErrors(t *testing.T) {
	checkErrors(t, []errorTest{
		{"wrong indentation", "users:\n  app:\n    password: x\n   databases: [shop]\ngroups: {}\n", []string{"4:4 does not belong to the block above"}},
		{"value and block", "admin: off\n log: x\n", []string{"2:2 a colon stands where no key can be"}},
		{"two colons", "users: {}\nadmin: b: c\n", []string{"2:1 a colon stands where no key can be"}},
		{"tab", "users:\n\tapp: {}\n", []string{"2:1 a tab in the indentation"}},
		{"open bracket", "users: {}\nlisteners: [a, b\nadmin: x\nlog: {}\n", []string{"2:1 a [ or { is not closed"}},
		{"open brace", "users:\n  app: {password: x\n  b: {password: y}\n", []string{"2:3 a [ or { is not closed"}},
		{"open quote", "users: {}\nadmin: 'x\nlog: {}\n", []string{"2:1 a quote is not closed"}},
		{"list and mapping", "listeners:\n  - a\n  b: c\n", []string{"3:3 does not belong to the list above"}},
		{"unknown alias", "users: {}\nadmin:   *nowhere\n", []string{"2:10 a value that starts with * is an alias"}},
		{"unknown escape", "users: {}\nadmin: \"\\q\"\n", []string{"2:1 a backslash in double quotes"}},
		{"no such start", "users: {}\nadmin: @x\n", []string{"2:1 a character that cannot start a value"}},
		{"control character", "users: {}\nadmin: \x01\n", []string{"2:1 a control character"}},
		{"not UTF-8", "users: {}\nadmin: \u00e4\xff\n", []string{"2:9 not UTF-8"}},
		{"rest after the end", "{users: {}}\n}\n", []string{"2:1 does not belong to what is above it"}},
		{"UTF-16", "\xff\xfea\x00", []string{"1:1 not UTF-8"}},
		{"second document", "users: {}\n---\nadmin: off\n", []string{"2:1 a second YAML document"}},
		{"broken second document", "users: {}\n---\nadmin: [\n", []string{"2:1 a second YAML document"}},
	}, world(nil, nil))
}

func TestUserErrors(t *testing.T) {
	text := func(users string) string {
		return "groups: {g0: {primary: \"a:1\", user: root, password: \"\"}}\ndatabases: {shop: }\nusers:\n" + users
	}
	checkErrors(t, []errorTest{
		{"no password", text("  app: {databases: [shop]}\n"), []string{"4:3 users.app: there is no password"}},
		{"no block", text("  app:\n"), []string{"4:3 users.app: there is no password"}},
		{"value for a block", text("  app: secret\n"), []string{"4:8 a mapping is wanted, not a single value"}},
		{"two passwords", text("  app:\n    password: x\n    password_file: y\n"), []string{"6:5 both password and password_file are given"}},
		{"unknown database", text("  app: {password: x, databases: [shp]}\n"), []string{`4:34 no database is called "shp"; did you mean "shop"?`}},
		{"database twice", text("  app: {password: x, databases: [shop, shop]}\n"), []string{`4:40 "shop" is in the list twice`}},
		{"no databases", text("  app: {password: x, databases: []}\n"), []string{"4:33 the list is empty"}},
		{"all and one", text("  app: {password: x, databases: [\"*\", shop]}\n"), []string{`4:34 "*" is every database`}},
		{"user twice", text("  app: {password: x}\n  app: {password: y}\n"), []string{`5:3 duplicate key "app", first given on line 4`}},
		{"long name", text("  " + strings.Repeat("a", 33) + ": {password: x}\n"), []string{"4:3 1 to 32 characters"}},
		{"unset variable", text("  app: {password_env: NOWHERE}\n"), []string{"4:23 the environment variable NOWHERE is not set"}},
		{"empty variable", text("  app: {password_env: EMPTY}\n"), []string{"4:23 the environment variable EMPTY is empty"}},
		{"no file", text("  app: {password_file: /no/where}\n"), []string{"4:24 the file /no/where cannot be read: file does not exist"}},
		{"empty file", text("  app: {password_file: /empty}\n"), []string{"4:24 the file /empty is empty"}},
		{"long file", text("  app: {password_file: /long}\n"), []string{"4:24 cannot be read: the file is too large"}},
		{"unknown limit", text("  app: {password: x, limits: {max_gather_row: 5}}\n"), []string{`4:31 users.app.limits: unknown key "max_gather_row"; did you mean "max_gather_rows"?`}},
		{"no limit", text("  app:\n    password: x\n    limits: {max_scatter_shards: 0, max_gather_time: 30, max_gather_bytes: 1MB}\n"), []string{"6:34 0 is out of range", `6:54 "30" is not a duration`, `6:76 "1MB" is not a size`}},
		{"two limits of one thing", text("  app: {password: x, limits: {max_scatter_shards: 2, allow_scatter: false}}\n"), []string{"4:31 users.app.limits.max_scatter_shards: nothing is scattered with allow_scatter: false; keep one"}},
		{"two lines", text("  app: {password_file: /lines}\n"), []string{"4:24 more than one line"}},
	}, world(map[string]string{"EMPTY": ""}, map[string]string{"/empty": "\n", "/long": strings.Repeat("x", 5000), "/lines": "a\nb\n"}))
}

func TestGroupErrors(t *testing.T) {
	text := func(groups string) string {
		return "users: {app: {password: app}}\ndatabases: {shop: {default_group: g0}}\ndefaults: {user: u, password: p}\ngroups:\n" + groups
	}
	checkErrors(t, []errorTest{
		{"no primary", text("  g0: {replicas: [\"a:1\"]}\n"), []string{"5:3 groups.g0: the key primary is missing"}},
		{"empty", text("  g0:\n"), []string{"5:3 groups.g0: the key primary is missing"}},
		{"no port", text("  g0: localhost\n"), []string{`5:7 "localhost" is not an address: missing port`}},
		{"bad port", text("  g0: localhost:99999\n"), []string{"5:7 has no valid port"}},
		{"port 0", text("  g0: localhost:0\n"), []string{"5:7 has no valid port"}},
		{"bad host", text("  g0: a/b:1\n"), []string{"5:7 has no valid host"}},
		{"no host", text("  g0: \":1\"\n"), []string{"5:7 has no valid host"}},
		{"bare IPv6", text("  g0: ::1\n"), []string{"5:7 too many colons"}},
		{"DSN", text("  g0: root:pw@tcp(a:1)\n"), []string{"5:7 an address has no @"}},
		{"bad name", text("  g0: a:1\n  \"g 1\": b:1\n"), []string{`6:3 "g 1" is not a good name`}},
		{"name twice", text("  g0: a:1\n  g0: b:1\n"), []string{`6:3 duplicate key "g0", first given on line 5`}},
		{"replica twice", text("  g0: {primary: \"a:1\", replicas: [\"b:1\", \"b:1\"]}\n"), []string{"5:42 b:1 is already in group g0, on line 5"}},
		{"replica elsewhere", text("  g0: {primary: \"a:1\", replicas: [\"b:1\"]}\n  g1: b:01\n"), []string{"6:7 b:1 is already in group g0, on line 5"}},
		{"weight", text("  g0: {primary: {address: \"a:1\", weight: -1}}\n"), []string{"5:42 -1 is out of range; write one from 0 to 1000"}},
		{"node without address", text("  g0: {primary: {weight: 1}}\n"), []string{"5:17 groups.g0.primary: the key address is missing"}},
		{"unknown node key", text("  g0: {primary: {address: \"a:1\", wieght: 1}}\n"), []string{`5:34 did you mean "weight"?`}},
		{"idle above max", text("  g0: {primary: \"a:1\", pool: {max: 5, max_idle: 6}}\n"), []string{"5:49 6 connections cannot be idle when at most 5 are open"}},
		{"duration without unit", text("  g0: {primary: \"a:1\", pool: {idle_timeout: 5}}\n"), []string{`5:45 "5" is not a duration; write a number with a unit`}},
		{"duration too short", text("  g0: {primary: \"a:1\", pool: {connect_timeout: 0s}}\n"), []string{"5:48 0s is too short"}},
		{"duration too long", text("  g0: {primary: \"a:1\", pool: {max_lifetime: 90000h}}\n"), []string{"5:45 90000h is too long"}},
		{"negative duration", text("  g0: {primary: \"a:1\", pool: {max_lifetime: -1s}}\n"), []string{"5:45 -1s is too short"}},
		{"tls mode", text("  g0: {primary: \"a:1\", tls: verify}\n"), []string{`5:29 groups.g0.tls: "verify" is not known`}},
		{"tls without mode", text("  g0: {primary: \"a:1\", tls: {ca: /ca}}\n"), []string{"5:24 groups.g0.tls: the key mode is missing"}},
		{"tls off with files", text("  g0: {primary: \"a:1\", tls: {mode: off, ca: /ca}}\n"), []string{"5:41 nothing is encrypted with mode off"}},
		{"ca unused", text("  g0: {primary: \"a:1\", tls: {mode: required, ca: /ca}}\n"), []string{"5:46 mode required does not check", "5:50 no certificate in PEM form"}},
		{"ca missing", text("  g0: {primary: \"a:1\", tls: {mode: verify_ca, ca: nope}}\n"), []string{"5:51 the file nope cannot be read"}},
		{"cert without key", text("  g0: {primary: \"a:1\", tls: {mode: required, cert: /ca}}\n"), []string{"5:46 cert is given without key"}},
		{"key without cert", text("  g0: {primary: \"a:1\", tls: {mode: required, key: /ca}}\n"), []string{"5:46 key is given without cert"}},
		{"no pair", text("  g0: {primary: \"a:1\", tls: {mode: required, cert: /ca, key: /ca}}\n"), []string{"5:62 it does not go with cert"}},
	}, world(nil, map[string]string{"/ca": "not PEM"}))
}

func TestCredentialErrors(t *testing.T) {
	text := func(rest string) string {
		return "users: {app: {password: app}}\ndatabases: {shop: {default_group: g0}}\n" + rest
	}
	checkErrors(t, []errorTest{
		{"no user, told once a group", text("groups:\n  g0:\n    primary: a:1\n    replicas: [\"b:1\", \"c:1\"]\n"),
			[]string{"5:14 groups.g0: there is no user to log in to a:1; add user: name"}},
		{"no password", text("groups: {g0: {primary: \"a:1\", user: root}}\n"), []string{"3:24 there is no password to log in to a:1"}},
		{"wrong defaults, told there", text("defaults: {user: [x], password_env: NOWHERE}\ngroups: {g0: \"a:1\", g1: \"b:1\"}\n"),
			[]string{"3:18 defaults.user: a single value is wanted", "3:37 NOWHERE is not set"}},
		{"address in defaults", text("defaults: {user: u, password: p, address: \"a:1\"}\ngroups: {g0: \"a:1\"}\n"),
			[]string{"3:34 defaults: unknown key"}},
	}, world(nil, nil))
}

func TestErrorText(t *testing.T) {
	_, err := Parse([]byte(around("plan_cache: x\nlog: {levl: info}\n")), "dir/serval.yaml")
	want := `dir/serval.yaml:4:13: plan_cache: "x" is not a whole number; write one from 1 to 10000000
dir/serval.yaml:5:7: log: unknown key "levl"; did you mean "level"?`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load("testdata/nowhere.yaml")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	if want := "testdata/nowhere.yaml: cannot be read: no such file or directory; name the configuration file with -c"; err.Error() != want {
		t.Errorf("got %s", err)
	}
}
