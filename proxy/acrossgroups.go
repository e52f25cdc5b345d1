package proxy

// acrossgroups.go: what becomes of a transaction that writes in more than one group: the configuration says it, and a
// session for itself with the variable serval_transactions. How it is done is not this file's business.

import (
	"slices"
	"strings"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// acrossGroups is one of config.AcrossGroups: what the session has set, else as the configuration says it.
func (c *session) acrossGroups() string {
	if c.state.across != "" {
		return c.state.across
	}
	return c.srv.cfg.Transactions.AcrossGroups
}

// acrossAfter is what state.across is after a SET of these items.
func (c *session) acrossAfter(items []router.Assignment) (string, error) {
	across := c.state.across
	for _, a := range items {
		if a.Form != router.SetOwn {
			continue
		}
		if strings.EqualFold(a.Value, "default") {
			across = ""
			continue
		}
		value, ok := c.ownValue(a.Value)
		if !ok {
			return "", notSupported("Serval does not support SET %s to an expression: give the word, a user variable, or DEFAULT", a.Name)
		}
		if across = strings.ToLower(value); !slices.Contains(config.AcrossGroups(), across) {
			return "", wrongValue(a.Name, value)
		}
	}
	return across, nil
}

// wrongValue is ER_WRONG_VALUE_FOR_VAR.
func wrongValue(name, value string) *wire.Error {
	return protocolError(codeWrongValue, "42000", "Variable '%s' can't be set to the value of '%s'", name, value)
}

// showOwnVariables answers SHOW VARIABLES LIKE 'serval…'. Asked in another way, the list is as a server has it.
func (c *session) showOwnVariables(s *router.Show) error {
	t, err := c.learn(c.defaultGroup(), "", "SHOW VARIABLES LIKE 'serval/'")
	if err != nil {
		return err
	}
	value := c.acrossGroups()
	if words := strings.Fields(string(c.st.Text[:c.st.End])); len(words) > 1 && strings.EqualFold(words[1], "global") {
		value = c.srv.cfg.Transactions.AcrossGroups
	}
	if like(router.AcrossGroups, s.Pattern, false, c.state.mode&fingerprint.NoBackslashEscapes == 0) {
		t.rows = append(t.rows, backend.Row{[]byte(router.AcrossGroups), []byte(value)})
	}
	return c.answerList(t)
}

// ownValue reads the value of a variable of Serval's own: a word or a string, or a user variable that has one.
func (c *session) ownValue(text string) (value string, ok bool) {
	if name, isUser := strings.CutPrefix(text, "@"); isUser && !strings.HasPrefix(name, "@") {
		literal, known := c.state.users[strings.ToLower(unquoted(name))]
		if _, v := literalValue(literal, nil); known && v != nil {
			return string(v), true
		}
		return "NULL", true
	}
	text = unquoted(text)
	for _, r := range text {
		if r != '_' && r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			return "", false
		}
	}
	return text, true
}

// unquoted takes the quotes off a name or string. What has quotes inside is none that means something here.
func unquoted(text string) string {
	if n := len(text); n >= 2 && strings.IndexByte("'\"`", text[0]) >= 0 && text[n-1] == text[0] {
		return text[1 : n-1]
	}
	return text
}
