package config

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// users.go: who may log in to Serval, and to which logical databases. It does not know the servers' own users.

// maxUserName is the length in characters of MySQL's user names.
const maxUserName = 32

func (r *reader) users(top *block, databases []string, listeners []Listener) []User {
	list := r.topEntries(top, "users", "nobody could log in")
	users := make([]User, 0, len(list))
	for _, e := range list {
		path := "users." + e.name
		if e.name == "" || len([]rune(e.name)) > maxUserName {
			r.fail(e.key, "use 1 to 32 characters", "%s: this is not a user's name", path)
		}
		b := r.block(e.value, e.key, path, "password", "password_env", "password_file", "databases", "require_tls", "admin", "limits")
		u := User{Name: e.name}
		var given bool
		if u.Password, given = b.password(); !given && !b.broken {
			r.fail(e.key, "add password_env, password_file or password", "%s: there is no password", path)
		}
		if n := b.get("databases"); n != nil {
			u.Databases = r.userDatabases(n, path+".databases", databases)
		}
		u.NeedsTLS = b.flag("require_tls", false)
		u.Admin = b.flag("admin", false)
		u.Limits = r.limits(b)
		if u.NeedsTLS && !slices.ContainsFunc(listeners, func(l Listener) bool { return l.TLS != nil }) {
			r.fail(b.key("require_tls"), "give a listener tls: {cert: …, key: …}", "%s.require_tls: no listener has TLS", path)
		}
		users = append(users, u)
	}
	return users
}

// userDatabases reads the databases that a user may use; nil is all.
func (r *reader) userDatabases(n *yaml.Node, path string, databases []string) []string {
	items := r.list(n, path)
	for _, item := range items {
		if item.Value != "*" {
			continue
		}
		if len(items) > 1 {
			r.fail(item, `leave either "*" or the names`, `%s: "*" is every database, the others add nothing`, path)
		}
		return nil
	}
	if isNull(n) || n.Kind == yaml.SequenceNode && len(items) == 0 {
		r.fail(n, `name them, or leave the key out (or write ["*"]) for all`, "%s: the list is empty", path)
	}
	return r.members(n, path, "database", databases)
}
