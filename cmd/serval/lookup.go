package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"serval/config"
	"serval/proxy"
	"serval/proxy/backend"
	"serval/proxy/lookup"
	"serval/router"
)

// lookup.go: "serval lookup" makes a lookup index for a table that has rows, and checks one. It asks the servers itself, beside
// Servals that run: all of these have to have the index in their configuration before.

func lookups(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	file, verb, name, code, ok := readLookupRequest(args, stderr)
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
		fmt.Fprintf(stderr, "serval lookup: %v\n", err)
		return exitFailure
	}
	index, err := findLookup(catalog, cluster, name)
	if err == nil && verb == "build" {
		err = buildLookup(ctx, index, func(ctx context.Context) error {
			return proxy.AnnounceChange(ctx, settings, cluster, slog.New(slog.DiscardHandler))
		}, stdout)
	} else if err == nil {
		err = checkLookup(ctx, index, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "serval lookup: %v\n", err)
		return exitFailure
	}
	return exitOK
}

func readLookupRequest(args []string, stderr io.Writer) (file, verb, name string, code int, ok bool) {
	flags := flag.NewFlagSet("serval lookup", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: serval lookup [options] build DATABASE.TABLE.COLUMN   make the index, and put the table's rows in\n"+
			"       serval lookup [options] check DATABASE.TABLE.COLUMN   compare it with its table\n\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&file, "c", "serval.yaml", "configuration `file`")
	words, code, ok := parseAnywhere(flags, args)
	if !ok {
		return "", "", "", code, false
	}
	if len(words) != 2 || words[0] != "build" && words[0] != "check" {
		flags.Usage()
		return "", "", "", exitUsage, false
	}
	return file, words[0], words[1], exitOK, true
}

// findLookup finds a configured index by its name.
func findLookup(catalog *router.Catalog, cluster *backend.Cluster, name string) (*lookup.Index, error) {
	var names []string
	for _, d := range catalog.Databases {
		for _, t := range d.Tables {
			for _, l := range t.Lookups {
				x := &lookup.Index{Cluster: cluster, Of: t, Lookup: l}
				if x.String() == name {
					return x, nil
				}
				names = append(names, x.String())
			}
		}
	}
	if len(names) == 0 {
		return nil, errors.New("no table of the configuration has a lookup index")
	}
	return nil, fmt.Errorf("the configuration has no lookup index %s; there are %s", name, strings.Join(names, ", "))
}

func buildLookup(ctx context.Context, x *lookup.Index, changed func(context.Context) error, stdout io.Writer) error {
	n, err := x.Build(ctx, changed)
	if err != nil {
		return fmt.Errorf("after %s: %w; what was put in stays, and the same command goes on", count(n, "row"), err)
	}
	fmt.Fprintf(stdout, "%s: %s put in, it is asked from now on\n", x, count(n, "row"))
	return nil
}

func checkLookup(ctx context.Context, x *lookup.Index, stdout io.Writer) error {
	n, faults, err := x.Check(ctx)
	for _, f := range faults {
		fmt.Fprintln(stdout, f)
	}
	fmt.Fprintf(stdout, "%s: %s compared, %s\n", x, count(n, "row"), count(len(faults), "fault"))
	if err == nil && len(faults) > 0 {
		err = errors.New("the index and the table disagree")
	}
	return err
}
