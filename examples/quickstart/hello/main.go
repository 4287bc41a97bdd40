// Command hello is what the quickstart puts into its image: the image's whole userland.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: hello serve|write|ls|ps|env|exit [ARG...]"))
	}
	args := append(os.Args[2:], "", "")
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve(args[0])
	case "write":
		err = os.WriteFile(args[0], []byte(args[1]+"\n"), 0o644)
	case "ls":
		err = ls(args[0])
	case "ps":
		err = ps()
	case "env":
		fmt.Println(os.Getenv(args[0]))
	case "exit":
		n, _ := strconv.Atoi(args[0]) // anything else is 0
		os.Exit(n)
	default:
		err = fmt.Errorf("unknown: %s", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "hello:", err)
	os.Exit(1)
}

// serve says that it runs, answers each line with one of its own, and ends well when it is asked to.
func serve(name string) error {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if err := os.WriteFile("started.txt", []byte(name+"\n"), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s, this is %s\n", os.Getenv("GREETING"), name)
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			fmt.Printf("%s heard %s\n", name, in.Text())
		}
	}()
	<-term
	fmt.Printf("%s says goodbye\n", name)
	return nil
}

func ls(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		fmt.Println(e.Name())
	}
	return err
}

// ps prints the command lines of all processes that it sees.
func ps() error {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			fmt.Println(strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " ")))
		}
	}
	return err
}
