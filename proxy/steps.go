package proxy

// steps.go: statements that are carried out in steps (step.go), all of them or none.

import (
	"fmt"
	"strings"

	"serval/proxy/backend"
	"serval/router"
)

// stepSavepoint begins the names of the savepoints that steps go back to.
const stepSavepoint = "serval_step"

// inSteps carries out a statement whose route says so.
func (c *session) inSteps(p *router.Plan) error {
	switch p.Steps {
	case router.StepsLoad:
		return c.loadData(p)
	case router.StepsValues:
		return c.insertValues(p)
	case router.StepsInsertSelect:
		return c.insertSelect(p)
	case router.StepsPick:
		return c.pickSteps(p)
	case router.StepsMove:
		return c.moveSteps(p)
	}
	return notSupported("Serval does not support this statement over several shards")
}

// currentText is the current statement's text, with the values of bound parameters as literals.
func (c *session) currentText() []byte {
	if c.prepared != nil {
		return c.inlined(c.prepared)
	}
	return c.st.Text[:c.st.End]
}

// atomically does all that do does or nothing: in the client's transaction, or in one of the statement's own. Its error is
// do's, or why it could not be committed.
func (c *session) atomically(do func() error) error {
	if c.inTransaction() {
		return c.underSavepoint(do)
	}
	c.txn = transaction{begin: "START TRANSACTION", next: c.next, own: true}
	defer func() { c.txn = transaction{} }()
	err := do()
	if err == nil && !c.txn.own {
		err = errLost() // do has not passed on that a server ended it
	}
	if err == nil {
		err = c.commitOwn()
	}
	if err != nil && c.txn.open() {
		c.rollBackBranches()
	}
	return err
}

// commitOwn commits a statement's own transaction.
func (c *session) commitOwn() error {
	switch len(c.txn.branches) {
	case 0:
		return nil
	case 1:
		b := c.txn.branches[0]
		if err := c.hold(b.Conn); err != nil {
			return err
		}
		err := c.commitStatement(b.Conn, b.Group)
		switch {
		case err == nil:
			c.letBranchGo(b)
			c.txn.branches = nil
		case !serverRefused(err):
			b.Broken = true
		}
		return err
	}
	_, err := c.commitBranches()
	return err
}

// underSavepoint is atomically in a transaction that goes on.
func (c *session) underSavepoint(do func() error) error {
	t := &c.txn
	name := fmt.Sprintf("%s_%d", stepSavepoint, t.steps+1)
	if err := c.onBranches("SAVEPOINT " + name); err != nil {
		return err
	}
	t.steps++
	t.savepoints = append(t.savepoints, name) // for groups that join meanwhile
	kept := len(t.savepoints) - 1
	err := do()
	if t.steps == 0 { // another transaction, or none: the server has ended this one
		return err
	}
	t.steps--
	t.savepoints = t.savepoints[:kept]
	if !t.open() {
		return err
	}
	if err == nil {
		return c.onBranches("RELEASE SAVEPOINT " + name)
	}
	if refused := c.onBranches("ROLLBACK TO SAVEPOINT " + name); refused != nil && t.open() {
		c.loseTransaction(t.branches[0].Conn)
	}
	return err
}

// onBranches has all groups of the transaction carry a statement out.
func (c *session) onBranches(sql string) error {
	var conns []*backend.Conn
	for _, b := range c.txn.branches {
		if err := c.hold(b.Conn); err != nil {
			return err
		}
		conns = append(conns, b.Conn)
	}
	return c.onAll(conns, sql)
}

// ownSavepoint tells whether a name is one of Serval's own savepoints.
func ownSavepoint(name string) bool {
	name = strings.ToLower(name)
	return name == statementSavepoint || strings.HasPrefix(name, stepSavepoint)
}
