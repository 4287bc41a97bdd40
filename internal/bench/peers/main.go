//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
)

func main() {
	o := options{}
	flag.IntVar(&o.rounds, "rounds", 20, "how often each contender has its turn")
	flag.IntVar(&o.most, "at-once", 100, "at most so many containers at the same time, of 10, 100 and so on")
	flag.IntVar(&o.containers, "containers", 200, "containers in a list; 0: not measured")
	flag.IntVar(&o.images, "images", 500, "names of images in a list; 0: not measured")
	flag.StringVar(&o.busybox, "busybox", "/usr/bin/busybox", "a static busybox (Debian: busybox-static), of which the root file system is made")
	results := flag.String("json", "", "a file for the results")
	chart := flag.String("svg", "", "a file for a chart of them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r, err := run(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r.table())
	if err := errors.Join(write(*results, r.json()), write(*chart, r.svg())); err != nil {
		log.Fatal(err)
	}
}

func write(path string, text []byte) error {
	if path == "" {
		return nil
	}
	return os.WriteFile(path, text, 0o644)
}

type options struct {
	rounds, most, containers, images int
	busybox                          string
}

func run(ctx context.Context, o options) (r *results, err error) {
	dir, err := os.MkdirTemp("", "caisson-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r = &results{Machine: thisMachine()}
	all, missing, done, err := contenders(ctx, dir, o.busybox)
	defer func() { err = errors.Join(err, done()) }()
	if err != nil {
		return nil, err
	}
	r.Missing = missing
	return r, subjects(ctx, r, all, o)
}

// subjects measures one after the other.
func subjects(ctx context.Context, r *results, all []contender, o options) error {
	measure := func(what string, rounds int, of func(c contender) (func() error, func() error, error)) error {
		s, err := turns(what, all, rounds, of)
		if err != nil {
			return err
		}
		r.Subjects = append(r.Subjects, s)
		return ctx.Err()
	}
	if err := measure("a container's whole life: create, start true, wait, remove", o.rounds, func(c contender) (func() error, func() error, error) {
		return func() error { return c.life(ctx) }, nil, nil
	}); err != nil {
		return err
	}
	if err := measure("a command in a running container", o.rounds, func(c contender) (func() error, func() error, error) {
		return c.exec(ctx)
	}); err != nil {
		return err
	}
	for n := 10; n <= o.most; n *= 10 {
		if err := measure(fmt.Sprintf("%d whole lives at once", n), max(1, o.rounds/n), func(c contender) (func() error, func() error, error) {
			return func() error { return atOnce(n, func() error { return c.life(ctx) }) }, nil, nil
		}); err != nil {
			return err
		}
	}
	if o.containers > 0 {
		if err := measure(fmt.Sprintf("a list of %d containers", o.containers), o.rounds, func(c contender) (func() error, func() error, error) {
			return c.list(ctx, o.containers)
		}); err != nil {
			return err
		}
	}
	if o.images == 0 {
		return nil
	}
	return measure(fmt.Sprintf("a list of %d names of images", o.images), o.rounds, func(c contender) (func() error, func() error, error) {
		return c.images(ctx, o.images)
	})
}

func (r *results) json() []byte {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // it holds numbers and texts
	}
	return append(b, '\n')
}
