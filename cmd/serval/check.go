package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"serval/config"
)

// check.go: "serval check" reads a configuration as serve would, and connects to nothing.

func check(_ context.Context, args []string, stdout, stderr io.Writer) int {
	file, code, ok := configFlag("check", args, stderr)
	if !ok {
		return code
	}
	settings, err := config.Load(file)
	if err != nil {
		printConfigErrors(stderr, err)
		return exitFailure
	}
	fmt.Fprintf(stdout, "%s: OK: %s\n", file, summary(settings))
	return exitOK
}

// printConfigErrors writes each error of a configuration on a line of its own, what to do about it below, and how
// many there are.
func printConfigErrors(w io.Writer, err error) {
	var list config.Errors
	if !errors.As(err, &list) {
		fmt.Fprintf(w, "serval: %v\n", err)
		return
	}
	for _, e := range list {
		place := e.File
		if e.Line > 0 {
			place = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
		}
		fmt.Fprintf(w, "%s: %s\n", place, e.Message)
		if e.Hint != "" {
			fmt.Fprintf(w, "    %s\n", e.Hint)
		}
	}
	fmt.Fprintf(w, "%s in the configuration\n", count(len(list), "error"))
}

// summary tells an operator whether Serval read what was meant.
func summary(c *config.Config) string {
	nodes, tables := 0, map[config.TableKind]int{}
	for _, g := range c.Groups {
		nodes += 1 + len(g.Replicas)
	}
	all := 0
	for _, d := range c.Databases {
		all += len(d.Tables)
		for _, t := range d.Tables {
			tables[t.Kind]++
		}
	}
	var kinds []string
	for _, k := range []config.TableKind{config.Sharded, config.Broadcast, config.Vertical} {
		if n := tables[k]; n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, k))
		}
	}
	described := count(all, "table")
	if len(kinds) > 0 {
		described += " (" + strings.Join(kinds, ", ") + ")"
	}
	return strings.Join([]string{
		count(len(c.Listeners), "listener"), count(len(c.Users), "user"), count(len(c.Groups), "group"),
		count(nodes, "node"), count(len(c.Databases), "database"), described,
	}, ", ")
}

// count writes "1 table" or "3 tables".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
