// Command shell is what the tests' images run: a handful of commands, one a line or separated by "&&".
package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	args := os.Args[1:]
	if len(args) > 1 && args[0] == "-c" {
		for _, line := range strings.FieldsFunc(strings.Join(args[1:], " "), func(r rune) bool { return r == '\n' || r == ';' }) {
			for _, cmd := range strings.Split(line, "&&") {
				run(strings.Fields(cmd))
			}
		}
		return
	}
	run(args)
}

func run(args []string) {
	if len(args) == 0 {
		return
	}
	to := io.Writer(os.Stdout)
	for i, a := range args {
		if a == ">" && i+1 < len(args) {
			f, err := os.Create(args[i+1])
			check(err)
			defer f.Close()
			to, args = f, args[:i]
			break
		}
	}
	for i, a := range args {
		args[i] = os.ExpandEnv(strings.Trim(a, `"'`))
	}
	switch args[0] {
	case "echo":
		fmt.Fprintln(to, strings.Join(args[1:], " "))
	case "cat":
		for _, name := range args[1:] {
			b, err := os.ReadFile(name)
			check(err)
			_, err = to.Write(b)
			check(err)
		}
	case "ls":
		entries, err := os.ReadDir(args[1])
		check(err)
		for _, e := range entries {
			fmt.Fprintln(to, e.Name())
		}
	case "stat":
		st, err := os.Lstat(args[1])
		check(err)
		fmt.Fprintln(to, st.Mode(), st.Size(), owner(st))
	case "env":
		env := os.Environ()
		sort.Strings(env)
		fmt.Fprintln(to, strings.Join(env, "\n"))
	case "id":
		fmt.Fprintln(to, os.Getuid(), os.Getgid())
	case "pwd":
		wd, err := os.Getwd()
		check(err)
		fmt.Fprintln(to, wd)
	case "append":
		f, err := os.OpenFile(args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		check(err)
		fmt.Fprintln(f, strings.Join(args[2:], " "))
		check(f.Close())
	case "mkdir":
		check(os.MkdirAll(args[1], 0o755))
	case "rm":
		check(os.RemoveAll(args[1]))
	case "chmod", "chown", "ln", "link", "touch", "mv", "setxattr", "mkfifo", "mknod", "umask", "mode", "blocks":
		check(files(to, args))
	case "fill": // NAME BYTES: what does not compress
		n, err := strconv.Atoi(args[2])
		check(err)
		check(fill(args[1], n))
	case "pids":
		entries, err := os.ReadDir("/proc")
		check(err)
		for _, e := range entries {
			if _, err := strconv.Atoi(e.Name()); err == nil {
				fmt.Fprintln(to, e.Name())
			}
		}
	case "exit":
		n, err := strconv.Atoi(args[1])
		check(err)
		os.Exit(n)
	case "sleep":
		d, err := time.ParseDuration(args[1])
		check(err)
		time.Sleep(d)
	case "ssh-keys": // how many keys the SSH agent has
		n, err := sshKeys()
		check(err)
		fmt.Fprintln(to, n)
	case "await": // NAME: until the file is there
		for end := time.Now().Add(3 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
			_, err := os.Stat(args[1])
			if err == nil {
				break
			}
			if time.Now().After(end) {
				check(err)
			}
		}
	case "true":
	default:
		if strings.Contains(args[0], "/") && args[0] != os.Args[0] {
			check(syscall.Exec(args[0], args, os.Environ()))
		}
		fmt.Fprintf(os.Stderr, "sh: %s: not found\n", args[0])
		os.Exit(127)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "sh:", err)
		os.Exit(1)
	}
}
