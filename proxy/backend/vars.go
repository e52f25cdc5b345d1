package backend

import "strings"

// vars.go: State.Vars taken apart. It knows the text of a SET, and of what variables mean only which ones a server
// changes together.

// variable is one assignment of State.Vars.
type variable struct{ name, text string } // text: with its value, "sql_mode='ANSI'"

// user tells whether it is a user variable.
func (v *variable) user() bool {
	return strings.HasPrefix(v.name, "@") && !strings.HasPrefix(v.name, "@@")
}

// parseVars cuts "a=1,b='x,y',@`c`=1" at the commas outside quotes and parentheses.
func parseVars(s string) []variable {
	var out []variable
	var quote byte
	depth, start, equals := 0, 0, -1
	for i := 0; i <= len(s); i++ {
		if i < len(s) {
			switch ch := s[i]; {
			case quote != 0:
				if ch == quote {
					quote = 0 // a doubled quote ends and begins again
				}
				continue
			case ch == '\'' || ch == '`':
				quote = ch
				continue
			case ch == '(':
				depth++
				continue
			case ch == ')':
				depth--
				continue
			case ch == '=' && equals < 0:
				equals = i
				continue
			case ch != ',' || depth > 0:
				continue
			}
		}
		if text := strings.TrimSpace(s[start:i]); text != "" {
			name := text
			if equals >= 0 {
				name = s[start:equals]
			}
			out = append(out, variable{name: strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), ":")), text: text})
		}
		start, equals = i+1, -1
	}
	return out
}

// setByNames tells whether SET NAMES sets the variable: such a one goes back to what SET NAMES says, not to DEFAULT.
func setByNames(name string) bool {
	switch strings.ToLower(name) {
	case "character_set_client", "character_set_connection", "character_set_results", "collation_connection":
		return true
	}
	return false
}

// setByUse tells whether a change of the current database sets the variable.
func setByUse(name string) bool {
	switch strings.ToLower(name) {
	case "character_set_database", "collation_database":
		return true
	}
	return false
}

// coupled names a group of variables of which setting one changes others, "" for a variable by itself. Where one of a
// group changes, all of the group that are wanted are set again, in the order of State.Vars.
func coupled(v *variable) string {
	switch name := strings.ToLower(v.name); name {
	case "max_join_size", "sql_big_selects":
		return "max_join_size"
	case "character_set_database", "collation_database":
		return "database"
	default:
		if v.user() && oddName(name) {
			return "@"
		}
		return ""
	}
}

// oddName tells whether a user variable's name may be the same as that of another one with other letters: MySQL
// compares them without accents and without spaces at the end.
func oddName(name string) bool {
	for i := 0; i < len(name); i++ {
		if name[i] >= 0x80 {
			return true
		}
	}
	return strings.HasSuffix(name, " `")
}

// defaultOf is what a variable goes back to. MySQL 9.7 takes DEFAULT for the opposite in the variables that it keeps as
// an inverted flag.
func defaultOf(name string) string {
	switch strings.ToLower(name) {
	case "foreign_key_checks", "unique_checks":
		return "@@GLOBAL." + name
	}
	return "DEFAULT"
}

// difference is what leads from one Vars to another.
type varsDifference struct {
	set      string // the argument of a SET, "" when there is nothing to set
	renew    bool   // a SET NAMES must come before it: a variable that it sets is no longer wanted, or changes
	defaults bool   // the SET has a "=DEFAULT"
}

// diffVars gives what leads from have to want. renamed says that a SET NAMES comes before it, moved that the current
// database changes before it.
func diffVars(have, want string, renamed, moved bool) (d varsDifference) {
	if have == want && !renamed && !moved {
		return d
	}
	wanted, had := parseVars(want), parseVars(have)
	index, was := textByName(wanted), textByName(had)
	touched := map[string]bool{"database": moved} // groups
	var parts []string
	for i := range had {
		v := &had[i]
		_, kept := index[v.name]
		if text := index[v.name]; text != v.text {
			touched[coupled(v)] = true
			d.renew = d.renew || setByNames(v.name)
		}
		switch {
		case kept || setByNames(v.name) || moved && setByUse(v.name):
		case v.user():
			parts = append(parts, v.name+"=NULL")
			touched["@"] = touched["@"] || oddName(v.name)
		default:
			parts = append(parts, v.name+"="+defaultOf(v.name))
			d.defaults = true
		}
	}
	for i := range wanted {
		if v := &wanted[i]; was[v.name] != v.text {
			touched[coupled(v)] = true
		}
	}
	for i := range wanted {
		v := &wanted[i]
		group := coupled(v)
		again := group != "" && touched[group] || v.user() && touched["@"] || setByNames(v.name) && (renamed || d.renew)
		if was[v.name] != v.text || again {
			parts = append(parts, v.text)
		}
	}
	d.set = strings.Join(parts, ",")
	return d
}

func textByName(list []variable) map[string]string {
	m := make(map[string]string, len(list))
	for i := range list {
		m[list[i].name] = list[i].text
	}
	return m
}

// stale is a list of the same variables with values that nothing equals.
func stale(vars string) string {
	list := parseVars(vars)
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = v.name + "=?"
	}
	return strings.Join(parts, ",")
}
