// Command serval is the proxy.
//
//	serval serve -c serval.yaml           serve clients until SIGINT or SIGTERM; SIGHUP reads the servers' tables again
//	serval check -c serval.yaml           check a configuration
//	serval transactions -c serval.yaml    what is in doubt on the servers, and how to end it by hand
//	serval version                        print the version
//
// No SQL engine is linked into it: cmd/demo has the embedded one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// main.go: finds the subcommand. Each subcommand has a file of its own.

// Exit codes of every subcommand.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2 // the command line is wrong
)

// command is a subcommand. run gets the arguments behind its name and returns the exit code.
type command struct {
	name, arguments, summary string
	run                      func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

// commands are all subcommands, in the order of the usage text.
func commands() []command {
	return []command{
		{"serve", "-c serval.yaml", "serve clients until SIGINT or SIGTERM", serve},
		{"check", "-c serval.yaml", "check a configuration; every error is printed, exit code 1", check},
		{"transactions", "-c serval.yaml", "list transactions in doubt; \"commit GTRID\" or \"rollback GTRID\" ends one by hand", transactions},
		{"ddl", "-c serval.yaml", "list schema changes that are not finished; \"forget ID\" gives one up", ddlCommand},
		{"verify", "-c serval.yaml", "compare shards and copies: shapes, rows, and where rows are; exit code 1 on differences", verifyCommand},
		{"lookup", "build|check DB.TABLE.COLUMN", "make or check a lookup index", lookups},
		{"version", "", "print the version", version},
	}
}

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole command, without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		printUsage(stderr)
		return exitUsage
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		printUsage(stdout)
		return exitOK
	}
	fmt.Fprintf(stderr, "serval: there is no command %q\n\n", args[0])
	printUsage(stderr)
	return exitUsage
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, "Serval is a sharding proxy for MySQL.\n\nusage: serval <command> [options]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-29s %s\n", c.name+" "+c.arguments, c.summary)
	}
	fmt.Fprint(w, "\nserval <command> -h shows a command's options; serval.example.yaml is a commented configuration.\n")
}

// parseAnywhere reads options that may stand between the words of a command line, and gives the words. When ok is false the
// subcommand ends with the exit code.
func parseAnywhere(flags *flag.FlagSet, args []string) (words []string, code int, ok bool) {
	for len(args) > 0 {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, exitOK, false
		case err != nil:
			return nil, exitUsage, false
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	return words, exitOK, true
}

// configFlag reads the options of a subcommand that takes a configuration file and nothing else. When ok is false the
// subcommand ends with the exit code.
func configFlag(name string, args []string, stderr io.Writer) (file string, code int, ok bool) {
	flags := flag.NewFlagSet("serval "+name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&file, "c", "serval.yaml", "configuration `file`")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return "", exitOK, false
	case err != nil:
		return "", exitUsage, false
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "serval %s: unexpected argument %q; the configuration file is named with -c\n", name, flags.Arg(0))
		return "", exitUsage, false
	}
	return file, exitOK, true
}
