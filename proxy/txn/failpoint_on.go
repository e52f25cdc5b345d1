//go:build failpoints

package txn

// failpoint_on.go: in a program built with -tags failpoints the steps of the protocol have names, and a test decides what
// happens at them. The environment variable SERVAL_FAILPOINTS is the address at which the test listens, and after a space
// the names that it wants to hear of, with commas; without them it hears of all. At each such step one line is sent on a
// new connection, "name gtrid", and the process waits at this step until the test answers a line. A test that wants the
// process dead kills it in place of answering. Without the variable nothing happens. The other side is e2e/failpoint.

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
)

// Failpoint waits for the test at a step of the protocol.
func Failpoint(name string, id ID) {
	addr, names, some := strings.Cut(os.Getenv("SERVAL_FAILPOINTS"), " ")
	if addr == "" || some && !slices.Contains(strings.Split(names, ","), name) {
		return
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return // nobody listens any more
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "%s %s\n", name, id); err != nil {
		return
	}
	_, _ = bufio.NewReader(c).ReadString('\n')
}
