//go:build !failpoints

package txn

// failpoint_off.go: in the program that users have there are no failpoints.

// Failpoint does nothing.
func Failpoint(name string, id ID) {}
