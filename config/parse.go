package config

import (
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parse.go: from a file to a Config: the top level, and the names and addresses that all parts share.

// Defaults of the top level.
const (
	defaultAdmin     = "127.0.0.1:6070"
	defaultPlanCache = 10_000
	defaultPrepared  = 100_000
	defaultMaxPacket = 64 << 20
)

// Load reads and checks a configuration file, fetching passwords from the environment and from files. Its error is
// always Errors: everything that is wrong, not only the first of it.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Errors{{File: path, Message: "cannot be read: " + reason(err), Hint: "name the configuration file with -c", err: err}}
	}
	return Parse(data, path)
}

// Parse does the work of Load for a text. name stands for the file in errors, and relative paths start at its folder.
func Parse(data []byte, name string) (*Config, error) { return parse(data, name, system()) }

func parse(data []byte, name string, src source) (*Config, error) {
	root, bad := parseTree(data, name)
	if bad != nil {
		return nil, Errors{bad}
	}
	r := &reader{file: name, src: src}
	c := r.config(root)
	if len(r.errs) > 0 {
		return nil, r.errs.sorted()
	}
	return c, nil
}

// config reads the top level.
func (r *reader) config(root *yaml.Node) *Config {
	top := r.block(root, nil, topPath, "listeners", "admin", "log", "users", "defaults", "groups", "databases",
		"transactions", "ids", "gather", "plan_cache", "max_prepared_statements", "max_packet")
	c := &Config{
		File:         r.file,
		Listeners:    r.listeners(top.get("listeners")),
		Admin:        r.admin(top.get("admin")),
		Log:          r.log(top.get("log")),
		Transactions: r.transactions(top.get("transactions")),
		PlanCache:    top.number("plan_cache", defaultPlanCache, 1, 10_000_000),
		MaxPrepared:  top.number("max_prepared_statements", defaultPrepared, 0, 4_194_304),
		MaxPacket:    top.size("max_packet", defaultMaxPacket, 1<<10, 1<<30),
	}
	r.checkListeners(c, top)
	groups := r.groups(top)
	c.Groups = groups.list
	c.IDs = r.ids(top.get("ids"), groups)
	c.Gather = r.gather(top.get("gather"), groups)
	r.databases(c, groups, top)
	c.Users = r.users(top, databaseNames(c), c.Listeners)
	return c
}

// topEntries reads one of the mappings of names that a configuration cannot do without.
func (r *reader) topEntries(top *block, key, what string) []entry {
	n := top.get(key)
	if n == nil {
		r.fail(top.at, "add it", "the block %s: is missing, so %s", key, what)
		return nil
	}
	list := r.entries(n, key)
	if isNull(n) || n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		r.fail(top.key(key), "name one below it", "the block %s: is empty, so %s", key, what)
	}
	return list
}

func (r *reader) admin(n *yaml.Node) Admin {
	if n == nil {
		return Admin{Address: defaultAdmin}
	}
	path := "admin"
	if n.Kind == yaml.MappingNode {
		b := r.block(n, nil, path, "address")
		if !b.has("address") {
			return Admin{Address: defaultAdmin}
		}
		n, path = b.get("address"), "admin.address"
	}
	if n.Kind == yaml.ScalarNode && (n.Value == "off" || n.Value == "false") {
		return Admin{}
	}
	address, _ := r.address(n, path, true)
	return Admin{Address: address}
}

func (r *reader) log(n *yaml.Node) Log {
	b := &block{r: r, path: "log"}
	if n != nil {
		b = r.block(n, nil, "log", "level", "format", "statements")
	}
	return Log{
		Level:      b.choice("level", "info", "debug", "info", "warn", "error"),
		Format:     b.choice("format", "text", "text", "json"),
		Statements: b.flag("statements", false),
	}
}

// hostName is a name or an IPv4 address; IPv6 addresses are parsed.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$`)

// address reads "host:port" and returns it in normal form. To listen, the host may be empty (every interface) and the port 0.
func (r *reader) address(n *yaml.Node, path string, listen bool) (string, bool) {
	s, ok := r.text(n, path)
	if !ok {
		return "", false
	}
	if strings.ContainsRune(s, '@') {
		// Somebody's connection string: it may hold a password.
		r.fail(n, "write host:port here, and user and password under their own keys", "%s: an address has no @", path)
		return "", false
	}
	const hint = "write host:port, such as 127.0.0.1:3306 or [::1]:3306"
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		r.fail(n, hint, "%s: %q is not an address: %s", path, s, addressFault(err))
		return "", false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 && !listen {
		r.fail(n, "write a port from 1 to 65535", "%s: %q has no valid port", path, s)
		return "", false
	}
	plain := host == "" && listen || hostName.MatchString(host) || net.ParseIP(strings.SplitN(host, "%", 2)[0]) != nil
	if !plain {
		r.fail(n, hint, "%s: %q has no valid host", path, s)
		return "", false
	}
	return net.JoinHostPort(host, strconv.FormatUint(number, 10)), true
}

// addressFault is what net.SplitHostPort found, without the address.
func addressFault(err error) string {
	if a, ok := err.(*net.AddrError); ok {
		return a.Err
	}
	return "it cannot be split"
}

// ownName is what groups and bindings may be called: they show up in metrics and logs.
var ownName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// checkOwnName reports the name of a group or a binding that is not plain.
func (r *reader) checkOwnName(n *yaml.Node, path, name string) {
	if !ownName.MatchString(name) || len(name) > maxName {
		r.fail(n, "use up to 64 letters, digits, _, - and .", "%s: %q is not a good name", path, name)
	}
}

// maxName is the length in characters of MySQL's names of databases, tables and columns.
const maxName = 64

// systemDatabases exist on every server and are answered by Serval itself.
var systemDatabases = []string{"information_schema", "mysql", "performance_schema", "sys"}

// nameFault says what MySQL would have against the name of a database, a table or a column; "" is nothing.
func nameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case utf8.RuneCountInString(name) > maxName:
		return "is longer than MySQL's 64 characters"
	case strings.HasSuffix(name, " "):
		return "ends with a space"
	case !utf8.ValidString(name):
		return "is not UTF-8"
	case strings.ContainsFunc(name, func(c rune) bool { return c == 0 || c > 0xFFFF }):
		return "has a character that MySQL does not allow in names"
	}
	return ""
}

// checkName reports a name that MySQL would not take.
func (r *reader) checkName(n *yaml.Node, path, name string) bool {
	fault := nameFault(name)
	if fault != "" {
		r.fail(n, "choose another name", "%s: %q %s", path, name, fault)
	}
	return fault == ""
}

// checkDatabaseName is checkName for databases, of which some names are taken.
func (r *reader) checkDatabaseName(n *yaml.Node, path, name string) bool {
	if slices.ContainsFunc(systemDatabases, func(s string) bool { return strings.EqualFold(s, name) }) {
		r.fail(n, "choose another name", "%s: %q is a database of the servers themselves", path, name)
		return false
	}
	return r.checkName(n, path, name)
}

// member reads one name that has to be among those that the file defines.
func (r *reader) member(n *yaml.Node, path, what string, names []string) (string, bool) {
	s, ok := r.text(n, path)
	if !ok || slices.Contains(names, s) {
		return s, ok
	}
	if len(names) == 0 {
		return "", false // their block is missing or wrong, which is reported
	}
	hint := "there are " + oneOf(names)
	if near := nearest(s, names); near != "" {
		hint = didYouMean(near)
	}
	r.fail(n, hint, "%s: no %s is called %q", path, what, s)
	return "", false
}

// members reads a list of such names, none twice.
func (r *reader) members(n *yaml.Node, path, what string, names []string) []string {
	items := r.list(n, path)
	list := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := r.member(item, path, what, names)
		if !ok {
			continue
		}
		if slices.Contains(list, s) {
			r.fail(item, "name it once", "%s: %q is in the list twice", path, s)
			continue
		}
		list = append(list, s)
	}
	return list
}
