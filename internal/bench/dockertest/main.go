// Command dockertest measures how long three libraries take to give a test a ready container with a published port, and
// to remove it: this module's dockertest, testcontainers-go and ory/dockertest, by turns, with the same image.
//
//	dockerd &                                    # as root; Debian: docker.io
//	go run . -busybox /usr/bin/busybox           # Debian: busybox-static
//	go run . -postgres                           # Debian: postgresql, whose files the image is made of
//
// The other two talk to the Docker engine of DOCKER_HOST. testcontainers-go runs without its reaper, whose image would
// have to be pulled, and which costs a container more.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 20, "containers of each library, one after the other")
	parallel := flag.Int("parallel", 50, "containers of each library at the same time; 0: not measured")
	busybox := flag.String("busybox", "/usr/bin/busybox", "a static busybox, of which the image is made")
	postgres := flag.Bool("postgres", false, "measure this machine's PostgreSQL from an empty data directory instead, without -parallel")
	flag.Parse()
	server := httpd
	if *postgres {
		server = postgreSQL
		*parallel = 0
	}
	dir, err := os.MkdirTemp("", "caisson-bench-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := server(dir, *busybox)
	if err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), w, *rounds, *parallel); err != nil {
		log.Fatal(err)
	}
}

// library starts a container of the workload's image and returns the address of its published port when the library
// says that it is ready, and what removes it.
type library struct {
	name  string
	start func(ctx context.Context, w workload) (addr string, remove func() error, err error)
}

func run(ctx context.Context, w workload, rounds, parallel int) error {
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return err
	}
	if err := makeImage(ctx, w); err != nil {
		return fmt.Errorf("make the image: %w", err)
	}
	ory, err := oryLibrary()
	if err != nil {
		return err
	}
	libraries := []library{ours(), testcontainersLibrary(), ory}
	for _, l := range libraries { // what is done once a process: agent, connections, caches
		if _, err := once(ctx, l, w); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	results := map[string][]sample{}
	for range rounds {
		for _, l := range libraries {
			s, err := once(ctx, l, w)
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			results[l.name] = append(results[l.name], s)
		}
	}
	report(os.Stdout, libraries, results)
	if parallel == 0 {
		return nil
	}
	fmt.Printf("\n%d at the same time, all ready and removed:\n", parallel)
	for _, l := range libraries {
		begin := time.Now()
		if err := many(ctx, l, w, parallel); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		fmt.Printf("%-20s %8.0f ms\n", l.name, float64(time.Since(begin).Microseconds())/1e3)
	}
	return nil
}
