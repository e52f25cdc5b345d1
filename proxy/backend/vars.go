package backend

import "strings"

// vars.go: State.Vars taken apart. It knows the text of a SET, not what variables mean, but for the four that SET
// NAMES sets too.

// variable is one assignment of State.Vars.
type variable struct{ name, text string } // text: with its value, "sql_mode='ANSI'"

// parseVars cuts "a=1,b='x,y'" at the commas outside quotes and parentheses.
func parseVars(s string) []variable {
	var out []variable
	quoted, depth, start := false, 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) {
			switch ch := s[i]; {
			case ch == '\'':
				quoted = !quoted // a doubled quote ends and begins again
				continue
			case quoted:
				continue
			case ch == '(':
				depth++
				continue
			case ch == ')':
				depth--
				continue
			case ch != ',' || depth > 0:
				continue
			}
		}
		if text := strings.TrimSpace(s[start:i]); text != "" {
			name, _, _ := strings.Cut(text, "=")
			out = append(out, variable{name: strings.TrimSpace(strings.TrimSuffix(name, ":")), text: text})
		}
		start = i + 1
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

// defaultOf is what a variable goes back to. MySQL 9.7 takes DEFAULT for the opposite in the variables that it keeps as
// an inverted flag.
func defaultOf(name string) string {
	switch strings.ToLower(name) {
	case "foreign_key_checks", "unique_checks":
		return "@@GLOBAL." + name
	}
	return "DEFAULT"
}

// diffVars gives the argument of a SET that leads from have to want ("" when there is nothing to set). renamed says
// that a SET NAMES comes before it. renew says that one must come, since a variable that it sets is no longer wanted
// or changes. defaults says that the SET has a "=DEFAULT".
func diffVars(have, want string, renamed bool) (set string, renew, defaults bool) {
	if have == want && !renamed {
		return "", false, false
	}
	wanted := parseVars(want)
	index := make(map[string]string, len(wanted))
	for _, v := range wanted {
		index[v.name] = v.text
	}
	had := make(map[string]string)
	var parts []string
	for _, v := range parseVars(have) {
		had[v.name] = v.text
		_, kept := index[v.name]
		switch {
		case setByNames(v.name):
			renew = renew || index[v.name] != v.text
		case !kept && strings.HasPrefix(v.name, "@") && !strings.HasPrefix(v.name, "@@"):
			parts = append(parts, v.name+"=NULL")
		case !kept:
			parts = append(parts, v.name+"="+defaultOf(v.name))
			defaults = true
		}
	}
	for _, v := range wanted {
		if had[v.name] != v.text || setByNames(v.name) && (renamed || renew) {
			parts = append(parts, v.text)
		}
	}
	return strings.Join(parts, ","), renew, defaults
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
