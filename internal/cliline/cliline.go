// Package cliline writes shell lines of examples/cli, which has Docker's commands on the same store.
//
// It is pure, but for the version and the directory of the source, which it asks package version for.
package cliline

import (
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/internal/version"
)

// module is the program that has Docker's commands on the same store. It is a module of its own, whose versions are
// those of this one.
const module = version.Module + "/examples/cli"

// program runs that program of the version in use.
func program(src version.Source) string {
	switch {
	case src.Release:
		return "go run " + module + "@" + src.Version
	case src.Dir != "":
		return "go run -C " + Quoted(filepath.Join(src.Dir, "examples", "cli")) + " ."
	}
	return "go run " + module + "@latest"
}

// Line is a command of the cli of the version in use, with a variable of its environment if that has a value.
func Line(variable, value string, args ...string) string {
	src, _ := version.Client() // of one that can't be read, no version is known
	line := program(src)
	if value != "" {
		line = variable + "=" + Quoted(value) + " " + line
	}
	for _, a := range args {
		line += " " + Quoted(a)
	}
	return line
}

// Masked hides the value of a variable whose name says that it is a secret: logs of tests are read by many.
func Masked(variable string) string {
	key, _, ok := strings.Cut(variable, "=")
	for _, word := range []string{"PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL"} {
		if ok && strings.Contains(strings.ToUpper(key), word) {
			return key + "=…"
		}
	}
	return variable
}

// Quoted is an argument for a POSIX shell.
func Quoted(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_=+./:,@%…", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
