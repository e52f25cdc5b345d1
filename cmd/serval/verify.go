package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"serval/config"
	"serval/proxy"
	"serval/proxy/backend"
	"serval/proxy/verify"
)

// verify.go: "serval verify" looks for shards and copies that differ. It asks the servers itself, and only reads.

func verifyCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	file, code, ok := configFlag("verify", args, stderr)
	if !ok {
		return code
	}
	settings, err := config.Load(file)
	if err != nil {
		printConfigErrors(stderr, err)
		return exitFailure
	}
	cluster := backend.Open(settings.Groups, nil)
	defer cluster.Close()
	catalog, err := proxy.ReadCatalog(ctx, settings, cluster, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintf(stderr, "serval verify: %v\n", err)
		return exitFailure
	}
	tables, faults, err := verify.Run(ctx, cluster, catalog, verify.Checks())
	for _, f := range faults {
		fmt.Fprintln(stdout, f)
	}
	if err != nil {
		fmt.Fprintf(stderr, "serval verify: %v\n", err)
		return exitFailure
	}
	fmt.Fprintf(stdout, "%s compared, %s\n", count(tables, "table"), count(len(faults), "fault"))
	if len(faults) > 0 {
		return exitFailure
	}
	return exitOK
}
