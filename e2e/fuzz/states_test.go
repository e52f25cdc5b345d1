package fuzz

// states_test.go: the states that a connection is brought to before it misbehaves, and how it misbehaves there.

import (
	"errors"
	"fmt"
	"net"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// state is one kind of life of a connection. run sends at most n damaged packets and says how many it sent; its error is
// a failure of Serval's.
type state struct {
	name string
	run  func(w *worker, n int) (int, error)
}

var states = []state{
	{"before the login", (*worker).beforeLogin}, {"in the login", (*worker).inLogin},
	{"idle", (*worker).idle}, {"idle", (*worker).idle}, {"prepared", (*worker).prepared}, {"prepared", (*worker).prepared},
	{"in a transaction", (*worker).inTransaction}, {"in a result", (*worker).inResult},
	{"frames", (*worker).frames}, {"large packets", (*worker).large}, {"compressed", (*worker).compressed}, {"TLS", (*worker).secure},
	{"PROXY header", (*worker).proxyHeader},
}

// connect logs in; the failure to do so is Serval's.
func (w *worker) connect(caps uint32) (*peer, error) {
	p, err := w.dial()
	if err != nil {
		return nil, err
	}
	if err := p.login("app", "app", caps, 1); err != nil {
		p.nc.Close()
		return nil, err
	}
	return p, nil
}

func (w *worker) dial() (*peer, error) {
	p, err := dial(w.addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	w.watch(p)
	return p, nil
}

// beforeLogin answers the greeting with a damaged login.
func (w *worker) beforeLogin(n int) (int, error) {
	p, err := w.dial()
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	caps := uint32(baseCaps)
	if w.IntN(2) == 0 {
		caps |= w.Uint32() &^ mysql.CLIENT_SSL
	}
	good := p.response("app", "app", caps)
	switch w.IntN(4) {
	case 0:
		err = p.write(w.damager.frames(good))
	case 1:
		err = p.write(frame(w.payload(good, w.corpus), byte(w.IntN(3))))
	default:
		err = p.write(frame(w.payload(good, w.corpus), 1))
	}
	if err == nil && w.IntN(2) == 0 { // and what the server may ask for after it
		err = p.write(frame(w.damager.bytes(w.IntN(300)), 3))
	}
	return 2, over(p, err)
}

// over waits for the end of a connection, which may have come while it was written to.
func over(p *peer, err error) error {
	if err != nil {
		return nil
	}
	return p.ends()
}

// inLogin gives a wrong proof, or another plugin's, and damages what the server then asks for.
func (w *worker) inLogin(n int) (int, error) {
	p, err := w.dial()
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	response := p.response("app", "wrong", baseCaps)
	if w.IntN(2) == 0 {
		copy(response[len(response)-22:], "mysql_old_password\x00\x00\x00\x00")
	}
	if err = p.write(frame(response, 1)); err == nil {
		if _, err = p.read(); err == nil {
			err = p.write(frame(w.damager.bytes(w.IntN(300)), byte(2+w.IntN(3))))
		}
	}
	return 1, over(p, err)
}

// volley sends n damaged payloads in right frames, each with a question behind it whose answer is known.
func (w *worker) volley(p *peer, n int, corpus [][]byte) (int, error) {
	for i := range n {
		b := frame(w.payload(corpus[w.IntN(len(corpus))], w.corpus), 0)
		w.asked++
		name := fmt.Sprintf("probe_%d_%d", w.id, w.asked)
		err := p.write(append(b, frame(append([]byte{mysql.COM_INIT_DB}, name...), 0)...))
		if err == nil {
			err = p.until(name)
		}
		if errors.Is(err, errLate) {
			return i + 1, err
		}
		if err != nil {
			return i + 1, nil // the server ended it, as it may
		}
	}
	return n, p.ends()
}

func (w *worker) idle(n int) (int, error) {
	p, err := w.connect(baseCaps | w.optional())
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	return w.volley(p, n, w.corpus)
}

// optional are capabilities that change what packets look like.
func (w *worker) optional() uint32 {
	return w.Uint32() & (mysql.CLIENT_DEPRECATE_EOF | mysql.CLIENT_SESSION_TRACK | mysql.CLIENT_QUERY_ATTRIBUTES | mysql.CLIENT_FOUND_ROWS)
}

// settle brings a connection to a state by commands that have to be answered.
func settle(p *peer, commands ...string) error {
	for i, c := range commands {
		if err := p.write(frame([]byte(c), 0)); err != nil {
			return err
		}
		name := fmt.Sprintf("settled_%d_", i)
		if err := p.write(frame(append([]byte{mysql.COM_INIT_DB}, name...), 0)); err != nil {
			return err
		}
		if err := p.until(name); err != nil {
			return fmt.Errorf("%.40q: %w", c, err)
		}
	}
	return nil
}

// prepared has statements, one with long data and one with a cursor.
func (w *worker) prepared(n int) (int, error) {
	p, err := w.connect(baseCaps | w.optional()&mysql.CLIENT_DEPRECATE_EOF)
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	var first []string
	for _, sql := range preparable {
		first = append(first, "\x16"+sql)
	}
	first = append(first, "\x18\x03\x00\x00\x00\x00\x00long", "\x17\x05\x00\x00\x00\x01\x01\x00\x00\x00\x00\x01\x08\x00\x09\x00\x00\x00\x00\x00\x00\x00")
	if err := settle(p, first...); err != nil {
		return 0, err
	}
	return w.volley(p, n, w.executions)
}

func (w *worker) inTransaction(n int) (int, error) {
	p, err := w.connect(baseCaps)
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	if err := settle(p, "\x03BEGIN", fmt.Sprintf("\x03UPDATE fz SET v = 'held' WHERE id = %d", 1000+w.id)); err != nil {
		return 0, err
	}
	return w.volley(p, n, w.corpus)
}

// inResult sends damage while a large result is on its way, and may leave without reading it.
func (w *worker) inResult(n int) (int, error) {
	p, err := w.connect(baseCaps)
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	if err := p.write(frame([]byte("\x03SELECT * FROM fz ORDER BY v, id"), 0)); err != nil {
		return 0, nil
	}
	if w.IntN(3) == 0 {
		err := p.write(w.damager.frames(w.corpus[w.IntN(len(w.corpus))]))
		if w.IntN(2) == 0 {
			return 1, nil // gone
		}
		return 1, over(p, err)
	}
	return w.volley(p, min(n, 5), w.corpus)
}

// frames damages one frame, which is the end of what can be understood.
func (w *worker) frames(n int) (int, error) {
	p, err := w.connect(baseCaps)
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	err = p.write(w.damager.frames(w.corpus[w.IntN(len(w.corpus))]))
	if err == nil && w.IntN(3) == 0 {
		err = p.write(w.damager.frames(w.corpus[w.IntN(len(w.corpus))]))
	}
	return 1, over(p, err)
}

// large begins a packet of more than 16 MiB and damages its second frame. It is costly, and so rare.
func (w *worker) large(n int) (int, error) {
	if w.IntN(200) != 0 {
		return w.frames(n)
	}
	p, err := w.connect(baseCaps)
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	first := make([]byte, 1<<24-1)
	copy(first, "\x03SELECT '")
	if err = p.write(frame(first, 0)); err == nil {
		err = p.write(w.damager.frames(w.corpus[w.IntN(len(w.corpus))]))
	}
	return 1, over(p, err)
}

// compressed speaks the compressed protocol where Serval has it.
func (w *worker) compressed(n int) (int, error) {
	p, err := w.dial()
	if err != nil {
		return 0, err
	}
	defer p.nc.Close()
	if p.caps&mysql.CLIENT_COMPRESS == 0 {
		return 0, nil
	}
	if err := p.login("app", "app", baseCaps|mysql.CLIENT_COMPRESS, 1); err != nil {
		return 0, err
	}
	for range 1 + w.IntN(3) { // right outside, damaged inside
		if err := p.write(pack(frame(w.payload(w.corpus[w.IntN(len(w.corpus))], w.corpus), 0))); err != nil {
			return 1, nil
		}
	}
	return 4, over(p, p.write(w.damager.compressed(w.corpus[w.IntN(len(w.corpus))])))
}

// secure speaks TLS, where Serval has it, or breaks off in the middle of its beginning.
func (w *worker) secure(n int) (int, error) {
	p, err := w.dial()
	if err != nil {
		return 0, err
	}
	defer func() { p.nc.Close() }()
	if p.caps&mysql.CLIENT_SSL == 0 {
		return 0, nil
	}
	if w.IntN(4) > 0 {
		b := p.response("app", "app", baseCaps|mysql.CLIENT_SSL)[:32]
		if err := p.write(frame(b, 1)); err != nil {
			return 1, nil
		}
		hello := append([]byte{22, 3, 1, 0, byte(w.IntN(200))}, w.damager.bytes(1+w.IntN(200))...)
		return 1, over(p, p.write(hello))
	}
	if err := p.secure(); err != nil {
		return 0, err
	}
	if err := p.login("app", "app", baseCaps|mysql.CLIENT_SSL, 2); err != nil {
		return 0, err
	}
	return w.volley(p, n, w.corpus)
}

// proxyHeader begins with a damaged PROXY header, of version 1 or 2.
func (w *worker) proxyHeader(n int) (int, error) {
	nc, err := net.DialTimeout("tcp", w.headed, deadline)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer nc.Close()
	p := &peer{nc: nc}
	good := [][]byte{
		[]byte("PROXY TCP4 192.0.2.1 192.0.2.2 4711 3306\r\n"), []byte("PROXY UNKNOWN\r\n"),
		[]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x67\x0c\xea"),
		[]byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"),
	}
	b := w.payload(good[w.IntN(len(good))], good)
	if w.IntN(2) == 0 { // a login behind it
		b = append(b, frame(w.payload((&peer{salt: make([]byte, 20)}).response("app", "app", baseCaps), w.corpus), 1)...)
	}
	return 1, over(p, p.write(b))
}
