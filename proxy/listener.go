package proxy

// listener.go: where clients come in: TCP ports and Unix sockets, with what each is configured to ask of them.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"serval/config"
	"serval/proxy/wire"
)

// listener is one place where clients come in.
type listener struct {
	net.Listener
	cfg *config.Listener
	tls *tls.Config // nil: no TLS here
}

func listen(cfg *config.Listener, log *slog.Logger) (*listener, error) {
	l := &listener{cfg: cfg}
	var err error
	if cfg.TLS != nil {
		files := &certificates{cfg: cfg.TLS, log: log}
		if l.tls, err = files.config(); err != nil {
			return nil, fmt.Errorf("listener %s: %w", cfg.Address, err)
		}
	}
	if cfg.Unix() {
		l.Listener, err = listenUnix(cfg.Address, cfg.Permissions)
	} else {
		l.Listener, err = net.Listen("tcp", cfg.Address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// client is the connection of a client, of whom a load balancer has to speak first where it is trusted to.
func (l *listener) client(nc net.Conn) net.Conn {
	tcp, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok || len(l.cfg.ProxyFrom) == 0 {
		return nc
	}
	from := tcp.AddrPort().Addr().Unmap()
	if !slices.ContainsFunc(l.cfg.ProxyFrom, func(p netip.Prefix) bool { return p.Contains(from.WithZone("")) }) {
		return nc
	}
	return wire.NewProxied(nc)
}

// socketProbe bounds the question whether somebody listens on a socket that is there already.
const socketProbe = time.Second

// unixListener is a Unix socket that is removed when it is closed.
type unixListener struct {
	*net.UnixListener
	path string
	file fs.FileInfo
}

// listenUnix opens a Unix socket. It is made beside its place and put there when it has its permissions, over one that
// a server has left behind.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if err := abandoned(path); err != nil {
		return nil, err
	}
	fresh := path + ".new"
	if abandoned(fresh) == nil {
		_ = os.Remove(fresh)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	err = os.Chmod(fresh, mode)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	var file fs.FileInfo
	if err == nil {
		file, err = os.Lstat(path)
	}
	if err != nil {
		_ = l.Close()
		_ = os.Remove(fresh)
		return nil, err
	}
	return &unixListener{l, path, file}, nil
}

// abandoned tells whether a path is free, or has a socket on which nobody listens.
func abandoned(path string) error {
	file, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if file.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), socketProbe)
	defer cancel()
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = nc.Close()
	} else if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%s: somebody listens there already", path)
}

// Addr is the socket's place.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close closes the socket, and removes its file if it is still this one.
func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path)
	}
	return l.UnixListener.Close()
}
