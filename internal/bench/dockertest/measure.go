package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// sample is one container: until its server answers, and until it is removed.
type sample struct {
	ready, total time.Duration
	early        bool // the library said ready before the server answered
}

func once(ctx context.Context, l library, w workload) (s sample, err error) {
	begin := time.Now()
	addr, remove, err := l.start(ctx, w)
	if err != nil {
		return s, err
	}
	s.early, err = answers(ctx, w, addr)
	s.ready = time.Since(begin)
	err = errors.Join(err, remove())
	s.total = time.Since(begin)
	return s, err
}

// patience is with a server whose library has said that it is ready.
const patience = 30 * time.Second

// answers waits for the server where the library has not.
func answers(ctx context.Context, w workload, addr string) (early bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := w.probe(ctx, addr)
		if err == nil || ctx.Err() != nil {
			return early, err
		}
		early = true
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
}

func many(ctx context.Context, l library, w workload, n int) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { _, errs[i] = once(ctx, l, w) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func report(w io.Writer, libraries []library, results map[string][]sample) {
	fmt.Fprintf(w, "%-20s %28s %28s\n", "ms: median (min–max)", "ready", "total")
	first := libraries[0].name
	for _, l := range libraries {
		ready, total := column(results[l.name], func(s sample) time.Duration { return s.ready }),
			column(results[l.name], func(s sample) time.Duration { return s.total })
		fmt.Fprintf(w, "%-20s %28s %28s", l.name, text(ready), text(total))
		if l.name != first {
			fmt.Fprintf(w, "   %.1f and %.1f times ours", ratio(ready, results[first], func(s sample) time.Duration { return s.ready }),
				ratio(total, results[first], func(s sample) time.Duration { return s.total }))
		}
		if n := early(results[l.name]); n > 0 {
			fmt.Fprintf(w, "   said ready too soon %d times of %d", n, len(results[l.name]))
		}
		fmt.Fprintln(w)
	}
}

func early(samples []sample) (n int) {
	for _, s := range samples {
		if s.early {
			n++
		}
	}
	return n
}

func column(samples []sample, of func(sample) time.Duration) []time.Duration {
	var ds []time.Duration
	for _, s := range samples {
		ds = append(ds, of(s))
	}
	slices.Sort(ds)
	return ds
}

func ratio(theirs []time.Duration, ours []sample, of func(sample) time.Duration) float64 {
	return float64(theirs[len(theirs)/2]) / float64(column(ours, of)[len(ours)/2])
}

func text(ds []time.Duration) string {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	return fmt.Sprintf("%.1f (%.1f–%.1f)", ms(ds[len(ds)/2]), ms(ds[0]), ms(ds[len(ds)-1]))
}
