//go:build !unix

package wire

// peek_other.go: systems on which a socket cannot be looked at without reading. A peer that has gone is noticed there
// by the next read or write.

type peeker struct{}

func (c *Conn) peekSocket() (n int, err error) { return 0, nil }
