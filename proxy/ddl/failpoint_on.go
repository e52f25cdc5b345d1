//go:build failpoints

package ddl

// failpoint_on.go: the steps of a schema change have names in a program built with -tags failpoints; what happens at them
// is a test's business. The protocol is that of proxy/txn/failpoint_on.go, with the change's number for an id.

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
)

func failpoint(name string, id uint64) {
	addr, names, some := strings.Cut(os.Getenv("SERVAL_FAILPOINTS"), " ")
	if addr == "" || some && !slices.Contains(strings.Split(names, ","), name) {
		return
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return // nobody listens any more
	}
	defer func() { _ = c.Close() }()
	if _, err := fmt.Fprintf(c, "%s %d\n", name, id); err != nil {
		return
	}
	_, _ = bufio.NewReader(c).ReadString('\n')
}
