// Command demo is the newcomer's first look at Serval: three in-memory servers in this process, Serval in front of
// them, and a small sharded shop to ask questions of. It needs nothing but Go.
//
//	go run ./cmd/demo [--listen 127.0.0.1:3307]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// main.go: flags, signals and the exit code.

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command: it returns the exit code when ctx ends, or at once when something is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:3307", "`address` at which clients connect; port 0 takes a free one")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "demo: unexpected argument %q; the only option is --listen host:port\n", flags.Arg(0))
		return 2
	}
	quietEngines()
	if err := show(ctx, *listen, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "demo: %v\n", err)
		if errors.Is(err, syscall.EADDRINUSE) {
			fmt.Fprintf(stderr, "demo: %s is in use by another program; choose another address, such as --listen 127.0.0.1:3317\n", *listen)
		}
		return 1
	}
	return 0
}

// show runs the demo until ctx ends. Being interrupted is no error, at whatever point.
func show(ctx context.Context, listen string, stdout, stderr io.Writer) error {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	d, err := startDemo(ctx, listen, log)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	err = printTour(ctx, stdout, d.client, d.proxy.Addr().String())
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(unlessEnded(ctx, err), d.close())
}

// unlessEnded drops the errors of work that was interrupted.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
