// Command binaries makes the prebuilt agents of a version: static binaries, the modules that hold them in the layout of a
// module proxy, and their sums.
//
//	go run ./internal/release/binaries -checkout .. -out ../dist -arch amd64,arm64 v1.2.3
//
// With -pin it writes the sums into the checkout, for the commit that is tagged. docs/releasing.md says what to do with
// the rest.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/caisson-dev/caisson/agent/internal/release"
)

func main() {
	checkout := flag.String("checkout", "..", "directory of the root module")
	out := flag.String("out", "../dist", "directory for what is made; a directory of the version is made in it")
	arch := flag.String("arch", "amd64,arm64", "architectures, separated by commas")
	pin := flag.Bool("pin", false, "write the sums into the checkout")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: binaries [-checkout DIR] [-out DIR] [-arch LIST] [-pin] VERSION")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *checkout, filepath.Join(*out, flag.Arg(0)), flag.Arg(0), strings.Split(*arch, ","), *pin); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, checkout, dir, v string, archs []string, pin bool) error {
	var binaries []release.Binaries
	for _, arch := range archs {
		b := release.Binaries{Arch: arch, Dir: filepath.Join(dir, "agent-linux-"+arch)}
		fmt.Fprintln(os.Stderr, "release: build", b.Dir)
		if err := release.Build(ctx, checkout, v, b); err != nil {
			return err
		}
		binaries = append(binaries, b)
	}
	pins, err := release.Publish(dir, checkout, v, binaries...)
	if err != nil {
		return err
	}
	if pin {
		return os.WriteFile(filepath.Join(checkout, filepath.FromSlash(release.PinsFile)), pins, 0o644)
	}
	_, err = os.Stdout.Write(pins)
	return err
}
