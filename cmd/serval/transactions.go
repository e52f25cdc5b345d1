package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/txn"
)

// transactions.go: "serval transactions" shows what is in doubt on the servers and ends it by hand. It asks the servers
// itself: no Serval needs to run, and those that do are not disturbed.

// transactionsTimeout bounds the whole command, servers that do not answer included.
const transactionsTimeout = 30 * time.Second

// transactionsRequest is what the command line asks for.
type transactionsRequest struct {
	file            string
	verdict         txn.Verdict // "" lists
	id              txn.ID
	withoutDecision bool
}

func transactions(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	r, code, ok := readTransactionsRequest(args, stderr)
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
	m := txn.New(cluster, settings.Transactions, slog.New(slog.DiscardHandler))
	if r.verdict == "" {
		return listTransactions(ctx, m, stdout, stderr)
	}
	return forceTransaction(ctx, m, r, stdout, stderr)
}

// readTransactionsRequest reads the command line; options may stand anywhere in it.
func readTransactionsRequest(args []string, stderr io.Writer) (r transactionsRequest, code int, ok bool) {
	flags := flag.NewFlagSet("serval transactions", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: serval transactions [options]                     list what is in doubt\n"+
			"       serval transactions [options] commit|rollback GTRID  end one by hand\n\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&r.file, "c", "serval.yaml", "configuration `file`")
	flags.BoolVar(&r.withoutDecision, "without-decision", false,
		"end the branches without the deciding group, when it is lost for good: nobody sees then whether the others agree with it")
	words, code, ok := parseAnywhere(flags, args)
	if !ok {
		return r, code, false
	}
	if err := r.setWords(words); err != nil {
		fmt.Fprintf(stderr, "serval transactions: %v\n", err)
		return r, exitUsage, false
	}
	return r, exitOK, true
}

// setWords reads what is not an option.
func (r *transactionsRequest) setWords(words []string) error {
	if len(words) == 0 && r.withoutDecision {
		return errors.New("-without-decision goes with commit or rollback")
	}
	if len(words) == 0 {
		return nil
	}
	switch words[0] {
	case "commit", "rollback":
		r.verdict = txn.Verdict(words[0])
	default:
		return fmt.Errorf("unexpected argument %q; commit GTRID or rollback GTRID ends a transaction", words[0])
	}
	if len(words) != 2 {
		return fmt.Errorf("%s takes one gtrid, as the list shows it", words[0])
	}
	id, ok := txn.ParseID(words[1])
	if !ok {
		return fmt.Errorf("%q is not the gtrid of a transaction of Serval's", words[1])
	}
	r.id = id
	return nil
}

// listTransactions prints a table of what is in doubt. A group that could not be asked makes the list incomplete, and the
// command fail.
func listTransactions(ctx context.Context, m *txn.Manager, stdout, stderr io.Writer) int {
	s := m.Survey(ctx)
	if len(s.Doubts) > 0 {
		w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "GTRID\tBEGUN\tPREPARED IN\tDECIDED BY\tVERDICT")
		for _, d := range s.Doubts {
			deciders := strings.Join(d.Deciders, ", ")
			if deciders == "" {
				deciders = "?"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.ID, d.ID.Made().UTC().Format(time.DateTime), strings.Join(places(d.Branches), ", "), deciders, verdict(d))
		}
		_ = w.Flush() // to where Fprintln writes: there is nobody to tell
	}
	fmt.Fprintf(stdout, "%s in doubt\n", count(len(s.Doubts), "transaction"))
	for _, group := range slices.Sorted(maps.Keys(s.Foreign)) {
		if n := s.Foreign[group]; n > 0 {
			fmt.Fprintf(stdout, "group %s: %s that %s not Serval's\n", group, count(n, "prepared transaction"), are(n))
		}
	}
	for _, group := range slices.Sorted(maps.Keys(s.Unasked)) {
		fmt.Fprintf(stderr, "serval transactions: group %s could not be asked, the list is not complete: %v\n", group, s.Unasked[group])
	}
	if len(s.Unasked) > 0 {
		return exitFailure
	}
	return exitOK
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// places are the groups of branches.
func places(branches []txn.Prepared) (groups []string) {
	for _, b := range branches {
		groups = append(groups, b.Group)
	}
	return groups
}

// verdict is how the list calls it.
func verdict(d txn.Doubt) string {
	switch {
	case len(d.Deciders) == 0:
		return "unknown: no group that could be asked has the store " + d.ID.Store
	case d.Unknown != nil:
		return "unknown: " + d.Unknown.Error()
	case d.Verdict == "":
		return "undecided"
	}
	return string(d.Verdict)
}

// forceTransaction ends a transaction and says what that means.
func forceTransaction(ctx context.Context, m *txn.Manager, r transactionsRequest, stdout, stderr io.Writer) int {
	s := m.Survey(ctx)
	for _, group := range slices.Sorted(maps.Keys(s.Unasked)) {
		fmt.Fprintf(stderr, "serval transactions: group %s could not be asked: what is prepared there stays: %v\n", group, s.Unasked[group])
	}
	d := s.Find(r.id)
	if d == nil {
		fmt.Fprintf(stderr, "serval transactions: no group that could be asked has %s prepared\n", r.id)
		return exitFailure
	}
	finished, err := end(ctx, m, d, r, stdout)
	for _, b := range finished {
		fmt.Fprintf(stdout, "group %s: %s\n", b.Group, map[txn.Verdict]string{txn.Committed: "committed", txn.RolledBack: "rolled back"}[r.verdict])
	}
	if err != nil {
		fmt.Fprintf(stderr, "serval transactions: %v\n", err)
		return exitFailure
	}
	if len(finished) == 0 {
		fmt.Fprintln(stdout, "somebody else has just finished it")
	}
	return exitOK
}

// end decides a transaction, unless that cannot be done any more, and finishes its branches.
func end(ctx context.Context, m *txn.Manager, d *txn.Doubt, r transactionsRequest, stdout io.Writer) ([]txn.Prepared, error) {
	known := len(d.Deciders) > 0 && d.Unknown == nil
	groups := strings.Join(places(d.Branches), ", ")
	switch {
	case r.withoutDecision && known:
		return nil, fmt.Errorf("group %s decides and can be asked: leave -without-decision out", strings.Join(d.Deciders, ", "))
	case r.withoutDecision:
		fmt.Fprintf(stdout, "The deciding group is not asked. If it decided otherwise, the transaction is half done from now on: what it wrote in %s has to be compared with the other groups.\n", groups)
		return m.FinishAll(ctx, d, r.verdict)
	case !known:
		return nil, fmt.Errorf("the verdict is %s; if the deciding group is lost for good, -without-decision ends the branches without it", verdict(*d))
	case d.Verdict == "" && r.verdict == txn.Committed:
		fmt.Fprintf(stdout, "Nothing was decided, so what the transaction wrote in group %s, which decides, is not committed and cannot be: only what it wrote in %s will be.\n",
			strings.Join(d.Deciders, ", "), groups)
	}
	if err := m.Decide(ctx, d.ID, r.verdict); err != nil {
		return nil, err
	}
	return m.FinishAll(ctx, d, r.verdict)
}
