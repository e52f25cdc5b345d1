package schema

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/transcode"
	"serval/proxy/wire"
)

// charset.go: what a server makes of every character of a character set. The tables are asked for and not compiled in:
// MySQL and MariaDB differ, and both differ from what others call by the same name.

// ErrCharset says that a character set cannot be a client's through Serval, or is not known to the server.
var ErrCharset = errors.New("no character set of clients")

// ReadCharset asks a server for a character set's table.
func ReadCharset(ctx context.Context, node *backend.Node, name string) (*transcode.Table, error) {
	if quoteNames([]string{name}) == "" {
		return nil, fmt.Errorf("%w: %q", ErrCharset, name)
	}
	samples := transcode.Samples(name)
	err := node.Beside(ctx, func(c *backend.Conn) error { // sessions that hold connections wait for this
		for i := range samples {
			err := convert(c, name, &samples[i])
			var refused *wire.Error
			if errors.As(err, &refused) {
				return fmt.Errorf("%w: %s: %w", ErrCharset, name, err)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read character set %s: %w", name, err)
	}
	t, err := transcode.New(name, samples)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCharset, err)
	}
	return t, nil
}

// convert has a server convert a sample there and back.
func convert(c *backend.Conn, name string, s *transcode.Sample) error {
	rows, err := c.Query(strings.NewReplacer("$charset", name, "$text", hex.EncodeToString(s.Text)).Replace(
		"SELECT HEX(u), HEX(CONVERT(u USING $charset)) FROM (SELECT CONVERT(_$charset x'$text' USING utf8mb4) AS u) AS t"))
	if err != nil {
		return err
	}
	if len(rows) != 1 || len(rows[0]) != 2 {
		return fmt.Errorf("%d rows for one", len(rows))
	}
	if s.Unicode, err = hex.DecodeString(string(rows[0][0])); err != nil {
		return err
	}
	s.Back, err = hex.DecodeString(string(rows[0][1]))
	return err
}
