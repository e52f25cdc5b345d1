//go:build !failpoints

package ddl

// failpoint_off.go: in the program that users have there are no failpoints.

func failpoint(string, uint64) {}
