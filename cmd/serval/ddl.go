package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/ddl"
)

// ddl.go: "serval ddl" shows schema changes that are not done in all places, and gives one up. It reads the log on the
// first group's server: no Serval needs to run.

// ddlRequest is what the command line asks for.
type ddlRequest struct {
	file   string
	forget uint64 // 0 lists
}

func ddlCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	r, code, ok := readDDLRequest(args, stderr)
	if !ok {
		return code
	}
	settings, err := config.Load(r.file)
	if err != nil {
		printConfigErrors(stderr, err)
		return exitFailure
	}
	ctx, cancel := context.WithTimeout(ctx, transactionsTimeout)
	defer cancel()
	cluster := backend.Open(settings.Groups, nil)
	defer cluster.Close()
	store := ddl.NewStore(cluster, settings.Transactions.Database, slog.New(slog.DiscardHandler))
	if r.forget != 0 {
		return forgetDDL(ctx, store, r.forget, stdout, stderr)
	}
	return listDDL(ctx, store, stdout, stderr)
}

// readDDLRequest reads the command line; options may stand anywhere in it.
func readDDLRequest(args []string, stderr io.Writer) (r ddlRequest, code int, ok bool) {
	flags := flag.NewFlagSet("serval ddl", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: serval ddl [options] [status]     list schema changes that are not finished\n"+
			"       serval ddl [options] forget ID    give one up: its tables stay as they are\n\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&r.file, "c", "serval.yaml", "configuration `file`")
	words, code, ok := parseAnywhere(flags, args)
	if !ok {
		return r, code, false
	}
	if err := r.setWords(words); err != nil {
		fmt.Fprintf(stderr, "serval ddl: %v\n", err)
		return r, exitUsage, false
	}
	return r, exitOK, true
}

// setWords reads what is not an option.
func (r *ddlRequest) setWords(words []string) (err error) {
	switch {
	case len(words) == 0 || len(words) == 1 && words[0] == "status":
		return nil
	case words[0] != "forget":
		return fmt.Errorf("unexpected argument %q; there are status and forget ID", words[0])
	case len(words) != 2:
		return errors.New("forget takes one number, as the list shows it")
	}
	if r.forget, err = strconv.ParseUint(words[1], 10, 64); err != nil || r.forget == 0 {
		return fmt.Errorf("%q is not the number of a schema change", words[1])
	}
	return nil
}

// listDDL prints each unfinished change with its places.
func listDDL(ctx context.Context, store *ddl.Store, stdout, stderr io.Writer) int {
	list, err := store.Unfinished(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "serval ddl: %v\n", err)
		return exitFailure
	}
	for _, u := range list {
		state := "interrupted"
		switch {
		case u.Running:
			state = "running"
		case u.Error != "":
			state = "failed"
		}
		fmt.Fprintf(stdout, "%d %s: %s\n", u.ID, state, oneLine(u.Statement))
		fmt.Fprintf(stdout, "  in database %s, begun %s by %s; done in %d of %s\n", u.Database, u.Started.UTC().Format(time.DateTime), u.Proxy, u.Done(), count(len(u.Places), "place"))
		w := tabwriter.NewWriter(stdout, 2, 0, 2, ' ', 0)
		for _, p := range u.Places {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", p.Group, p.Name, p.State, oneLine(p.Error))
		}
		_ = w.Flush() // to where Fprintln writes: there is nobody to tell
	}
	fmt.Fprintf(stdout, "%s unfinished\n", count(len(list), "schema change"))
	return exitOK
}

// oneLine is a text without line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func forgetDDL(ctx context.Context, store *ddl.Store, id uint64, stdout, stderr io.Writer) int {
	found, err := store.Forget(ctx, id)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "serval ddl: %v\n", err)
		return exitFailure
	case !found:
		fmt.Fprintf(stderr, "serval ddl: there is no unfinished schema change %d\n", id)
		return exitFailure
	}
	fmt.Fprintf(stdout, "schema change %d is forgotten: its tables stay as they are\n", id)
	return exitOK
}
