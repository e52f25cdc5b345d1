package wire

import (
	"fmt"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// hangup_linux.go: a peer that has said more and then closed. What it said hides the end from a look at the next byte
// (a client that sends COM_QUIT behind a running statement and leaves).

// hungUp returns io.EOF when the peer has closed its side, whatever it sent before.
func (c *Conn) hungUp() error {
	s, ok := socketOf(c.nc).(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return fmt.Errorf("wire: %w", err)
	}
	var events int16
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, err := unix.Poll(fds, 0); n > 0 && err == nil {
			events = fds[0].Revents
		}
	})
	switch {
	case err != nil: // closed by ourselves
		return fmt.Errorf("wire: %w", err)
	case events&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0:
		return io.EOF
	}
	return nil
}
