package proxy

// nexttransaction.go: the characteristics of the next transaction only (SET TRANSACTION without a scope). A server hears
// of them on the connection on which that transaction begins, right before it does.

import (
	"strings"

	"serval/proxy/backend"
	"serval/router"
)

// nextTransaction are the SET statements for the next transaction, "" for none.
type nextTransaction struct{ isolation, access string }

// statements are the SETs, in order.
func (n *nextTransaction) statements() []string {
	var list []string
	for _, sql := range []string{n.isolation, n.access} {
		if sql != "" {
			list = append(list, sql)
		}
	}
	return list
}

// on carries the SETs out on a connection.
func (n *nextTransaction) on(conn *backend.Conn) error {
	for _, sql := range n.statements() {
		if _, err := conn.Exec(sql); err != nil {
			return err
		}
	}
	return nil
}

func (n *nextTransaction) empty() bool { return n.isolation == "" && n.access == "" }

// readOnly tells whether a transaction that begins with these, in a session whose variable says sessionReadOnly, is.
func (n *nextTransaction) readOnly(sessionReadOnly bool) bool {
	if n.access == "" {
		return sessionReadOnly
	}
	text := strings.ToLower(n.access)
	return strings.Contains(text, "read only") || strings.HasSuffix(text, "1") || strings.HasSuffix(text, "on")
}

// isolationVariable and readOnlyVariable are the names that both old and new servers of a kind know.
func (f *flavor) isolationVariable() string {
	if f.mariadb {
		return "tx_isolation"
	}
	return "transaction_isolation"
}

func (f *flavor) readOnlyVariable() string {
	if f.mariadb {
		return "tx_read_only"
	}
	return "transaction_read_only"
}

// setNextTransaction keeps SET TRANSACTION for the next transaction. A server says whether it is right; the connection
// on which it did is reset before it is used again.
func (c *session) setNextTransaction(p *router.Plan) error {
	if c.txn.begin != "" || c.txn.open() || c.txn.lost {
		return protocolError(1568, "25001", "Transaction characteristics can't be changed while a transaction is in progress")
	}
	a := p.Set[0]
	if a.Form == router.SetVariable && strings.ContainsAny(a.Value, "@(") {
		return notSupported("Serval does not support SET @@%s to an expression: give the value", a.Name)
	}
	c.patch.start(p)
	sql := string(c.st.Text[:c.st.End])
	conn, err := c.borrowAside(c.defaultGroup(), "")
	if err != nil {
		return err
	}
	conn.Forget()
	answers, err := conn.Pipeline(sql, "SHOW WARNINGS")
	if err != nil {
		c.discard(conn)
		return lostBackend("group "+conn.Node().Group(), err)
	}
	c.giveBack(conn)
	if e := answers[0].Err; e != nil {
		return e
	}
	c.next.keep(&a)
	return c.setDone(&answers[0], &answers[1])
}

// keep notes an item that is of the next transaction.
func (n *nextTransaction) keep(a *router.Assignment) {
	switch {
	case a.Form == router.SetVariable && strings.HasSuffix(a.Name, "_isolation"):
		n.isolation = "SET @@" + a.Name + "=" + a.Value
	case a.Form == router.SetVariable:
		n.access = "SET @@" + a.Name + "=" + a.Value
	default:
		for _, part := range strings.Split(a.Value, ",") {
			if strings.Contains(strings.ToLower(part), "isolation") {
				n.isolation = "SET TRANSACTION " + part
			} else {
				n.access = "SET TRANSACTION " + part
			}
		}
	}
}

// keepCharacteristics lets a SET of the session's characteristics stand above those of the next transaction. One that
// has begun keeps what it began with, in groups that join later as well.
func (c *session) keepCharacteristics(items []router.Assignment) {
	for _, a := range items {
		isolation, access := strings.HasSuffix(a.Name, "_isolation"), strings.HasSuffix(a.Name, "_read_only")
		if a.Form == router.SetTransaction {
			text := strings.ToLower(a.Value)
			isolation, access = strings.Contains(text, "isolation"), strings.Contains(text, "only") || strings.Contains(text, "write")
		} else if !strings.HasPrefix(a.Name, "tx_") && !strings.HasPrefix(a.Name, "transaction_") {
			continue
		}
		begun := c.txn.begin != "" || c.txn.open()
		if isolation {
			c.next.isolation = ""
			if begun && c.txn.next.isolation == "" {
				c.txn.next.isolation = c.beforeSet(c.known.flavor.isolationVariable())
			}
		}
		if access {
			c.next.access = ""
			if begun && c.txn.next.access == "" {
				c.txn.next.access = c.beforeSet(c.known.flavor.readOnlyVariable())
			}
		}
	}
}

// beforeSet sets, for one transaction, what the session's variable was.
func (c *session) beforeSet(name string) string {
	value, ok := c.state.vars[name]
	if !ok {
		value = "@@GLOBAL." + name
	}
	return "SET @@" + name + "=" + value
}

// readsOnly tells whether the session's transactions are READ ONLY when nothing else is said.
func (c *session) readsOnly() bool { return c.state.vars[c.known.flavor.readOnlyVariable()] == "1" }

// useNext gives a pooled connection the next transaction's characteristics, for a statement that is that transaction.
func (c *session) useNext(conn *backend.Conn) error {
	if c.next.empty() {
		return nil
	}
	if c.pinOf(conn) == nil {
		conn.Forget() // whether the statement will have used them up is not told
	}
	return c.next.on(conn)
}

// usedNext forgets the characteristics after a statement that was a transaction.
func (c *session) usedNext(p *router.Plan) {
	if !p.Anywhere && !c.inTransaction() {
		c.next = nextTransaction{}
	}
}
