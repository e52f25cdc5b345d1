package cluster

// binary.go: the real program, built once per test process and run as an operator runs it.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Binary is a running `serval serve`.
type Binary struct {
	Addr string

	program, file string
	env           []string
	cmd           *exec.Cmd
	log           string
}

// Build compiles cmd/serval with build tags into dir and returns the program's path. It may be called from any package's
// tests.
func Build(dir string, tags ...string) (string, error) {
	program := filepath.Join(dir, "serval")
	cmd := exec.Command("go", "build", "-tags", strings.Join(tags, ","), "-o", program, "serval/cmd/serval")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build serval/cmd/serval: %w: %s", err, out)
	}
	return program, nil
}

// FreeAddr is a loopback address that nobody listens on, for Shape.Listen: the real program is told its address.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// StartBinary builds and runs Serval on the cluster's configuration until the end of the test. The cluster's
// Shape.Listen must have been a fixed address.
func StartBinary(tb testing.TB, c *Cluster) *Binary {
	tb.Helper()
	program, err := Build(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	b, err := LaunchBinary(program, c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b
}

// LaunchBinary runs program on the cluster's configuration and waits until it accepts connections.
func LaunchBinary(program string, c *Cluster) (*Binary, error) {
	b := &Binary{Addr: c.Config.Listeners[0].Address, program: program, file: c.File, log: filepath.Join(c.dir, "serval.log")}
	if err := b.run(); err != nil {
		return nil, err
	}
	return b, nil
}

// Run says how one of several Servals in front of a cluster is run.
type Run struct {
	Program string   // of Build
	Nodes   []string // addresses that take the place of the nodes' own, a forwarder's for instance; "" and what is missing: the node's
	Env     []string // added to the environment
}

// Serve runs a Serval with a configuration of its own until the end of the test: the cluster's layout, at a free address.
func (c *Cluster) Serve(tb testing.TB, run Run) *Binary {
	tb.Helper()
	dir := tb.TempDir()
	b := &Binary{program: run.Program, file: filepath.Join(dir, "serval.yaml"), env: run.Env, log: filepath.Join(dir, "serval.log")}
	err := c.configure(b, run.Nodes)
	if err == nil {
		err = b.run()
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b
}

// configure finds an address for b and writes its configuration.
func (c *Cluster) configure(b *Binary, nodes []string) (err error) {
	if b.Addr, err = FreeAddr(); err != nil {
		return err
	}
	text, err := c.layout.render(b.Addr, c.Nodes, nodes)
	if err != nil {
		return err
	}
	return os.WriteFile(b.file, text, 0o600)
}

// run starts the process and waits until it accepts connections.
func (b *Binary) run() error {
	log, err := os.OpenFile(b.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	b.cmd = exec.Command(b.program, "serve", "-c", b.file)
	b.cmd.Env = append(os.Environ(), b.env...)
	b.cmd.Stdout, b.cmd.Stderr = log, log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		return err
	}
	for range 300 {
		conn, err := net.DialTimeout("tcp", b.Addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Close()
	return fmt.Errorf("serval does not listen on %s; its log:\n%s", b.Addr, b.Log())
}

// Log is what the program has printed.
func (b *Binary) Log() string {
	text, _ := os.ReadFile(b.log)
	return string(text)
}

// PID is the program's process id.
func (b *Binary) PID() int { return b.cmd.Process.Pid }

// Kill ends the program as a crash would (SIGKILL) and waits until it is gone.
func (b *Binary) Kill() {
	if b.cmd.ProcessState == nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait() // always an error: it has ended by a signal
	}
}

// Restart kills the program if it runs and starts it again at the same address. Its log goes on.
func (b *Binary) Restart() error {
	b.Kill()
	return b.run()
}

// Freeze stops the program without its notice (SIGSTOP) until Thaw.
func (b *Binary) Freeze() error { return b.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen program run on.
func (b *Binary) Thaw() error { return b.cmd.Process.Signal(syscall.SIGCONT) }

// Close ends the program as an operator does (SIGTERM), and by force after 5 s, even when it is frozen.
func (b *Binary) Close() { _ = b.Stop() }

// Stop is Close that tells how the program ended.
func (b *Binary) Stop() error {
	if b.cmd.ProcessState != nil {
		return nil
	}
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	force := time.AfterFunc(5*time.Second, func() { _ = b.cmd.Process.Kill() })
	defer force.Stop()
	return b.cmd.Wait()
}

// RSS is the program's resident memory in bytes, read from /proc.
func (b *Binary) RSS() (int64, error) { return b.memory("VmRSS:") }

// PeakRSS is the highest RSS since the start or ResetPeak.
func (b *Binary) PeakRSS() (int64, error) { return b.memory("VmHWM:") }

// ResetPeak makes PeakRSS start again from the present RSS.
func (b *Binary) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", b.PID()), []byte("5"), 0)
}

func (b *Binary) memory(field string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no " + field + " in /proc/PID/status")
}

// CPU is the processor time that the program has used.
func (b *Binary) CPU() (time.Duration, error) { return CPU(b.PID()) }

// CPU is the processor time that a process has used, user and system, read from /proc/PID/stat (clock ticks of
// 10 ms: the kernel's USER_HZ is 100 on every platform that Go knows).
func CPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(text), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}
