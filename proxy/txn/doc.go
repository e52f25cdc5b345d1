// Package txn commits transactions over several groups, all or nothing, and finishes what a crash has left half done. It
// knows connections of package backend and SQL of its own (XA, the decision table); it knows neither clients nor
// statements; package proxy uses it, and the command "serval transactions".
//
// A transaction's first group has an ordinary transaction (BEGIN): it is the deciding group. Every further group joins
// with a branch (XA START) whose xid names the deciding group. COMMIT prepares the branches that have written, then
// inserts a decision row in the deciding group's transaction and commits that: this is the moment of decision. Then the
// branches are committed. Whoever finds a prepared branch asks the deciding group: a decision row says commit; where
// there is none, a row that says rollback is inserted before the branch is rolled back, and the unique key stops a
// coordinator that comes late. docs/transactions.md tells it to users, docs/commit.pml is the protocol for a model
// checker.
package txn
