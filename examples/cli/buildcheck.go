package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/caisson-dev/caisson/image"
)

// checkDockerfile is docker build --check: it prints the linter's warnings, and exits with 1 if there are any.
func (c *cli) checkDockerfile(ctx context.Context, store *image.Store, o image.BuildOptions) error {
	o.Output, o.Progress = nil, nil
	res, err := store.Lint(ctx, o)
	if err != nil {
		return err
	}
	printWarnings(c.out, res)
	if len(res.Warnings) > 0 {
		return ended(1)
	}
	return nil
}

// printWarnings prints them in the form of docker build --check.
func printWarnings(w io.Writer, res *image.LintResult) {
	switch n := len(res.Warnings); n {
	case 0:
		fmt.Fprintln(w, "Check complete, no warnings found.")
	case 1:
		fmt.Fprintln(w, "Check complete, 1 warning has been found!")
	default:
		fmt.Fprintf(w, "Check complete, %d warnings have been found!\n", n)
	}
	for _, r := range res.Warnings {
		fmt.Fprintf(w, "\nWARNING: %s", r.Name)
		if r.URL != "" {
			fmt.Fprintf(w, " - %s", r.URL)
		}
		fmt.Fprintf(w, "\n%s\n", r.Message)
		printLines(w, res.File, strings.Split(res.Text, "\n"), r.Line, max(r.Line, r.LastLine))
	}
}

// printLines shows lines of a file, marked, with some around them.
func printLines(w io.Writer, file string, lines []string, first, last int) {
	if first < 1 || first > len(lines) {
		return
	}
	start, end := first, min(last, len(lines))
	marked, around := end, 2
	if start == end {
		around = 4
	}
	for p := 0; p < around; p++ {
		if start > 1 {
			start--
			p++
		}
		if end != len(lines) {
			end++
			p++
		}
	}
	fmt.Fprintf(w, "%s:%d\n--------------------\n", file, first)
	for i := start; i <= end; i++ {
		mark := "   "
		if i >= first && i <= marked {
			mark = ">>>"
		}
		fmt.Fprintf(w, " %3d | %s %s\n", i, mark, lines[i-1])
	}
	fmt.Fprintln(w, "--------------------")
}
