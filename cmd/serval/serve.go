package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"serval/config"
	"serval/proxy"
)

// serve.go: "serval serve" is the proxy as a process: its log, its signals, its exit code. What it serves is in
// package proxy.

func serve(ctx context.Context, args []string, _, stderr io.Writer) int {
	file, code, ok := configFlag("serve", args, stderr)
	if !ok {
		return code
	}
	settings, err := config.Load(file)
	if err != nil {
		printConfigErrors(stderr, err)
		return exitFailure
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	log := newLog(settings.Log, stderr)
	if err := serveUntil(ctx, settings, log); err != nil {
		log.Error("serval ends", "error", err)
		return exitFailure
	}
	return exitOK
}

// serveUntil serves until ctx ends and then closes everything.
func serveUntil(ctx context.Context, settings *config.Config, log *slog.Logger) error {
	server := proxy.NewServer(settings, log)
	if err := server.Start(ctx); err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	reloadUntil(ctx, server, log)
	log.Info("stopping: no new clients, sessions end")
	if err := server.Close(); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	log.Info("stopped")
	return nil
}

// reloadUntil reads the servers' tables again at each SIGHUP, until ctx ends.
func reloadUntil(ctx context.Context, server *proxy.Server, log *slog.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			if err := server.Reload(ctx); err != nil {
				log.Warn("SIGHUP", "error", err)
			}
		}
	}
}

// newLog is the process's log as configured. The configuration has been checked: other levels and formats than these
// do not occur.
func newLog(c config.Log, w io.Writer) *slog.Logger {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	options := &slog.HandlerOptions{Level: levels[c.Level]}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
