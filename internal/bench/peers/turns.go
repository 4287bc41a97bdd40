//go:build linux

package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// errNot is a contender's that does not do what is measured.
var errNot = errors.New("it has no such thing")

// turns measures what of gives for each contender: begun once, with one call that does not count, then called in turns, and
// ended. One that fails is left out, and its figures say why; the first is ours, which must not.
func turns(what string, all []contender, rounds int, of func(c contender) (call, end func() error, err error)) (s subject, err error) {
	s.What = what
	type entry struct {
		call func() error
		at   int
	}
	var entries []entry
	for i, c := range all {
		call, end, cerr := of(c)
		if errors.Is(cerr, errNot) {
			continue
		}
		if end != nil {
			defer func() { err = errors.Join(err, end()) }()
		}
		if cerr == nil {
			cerr = call()
		}
		f := figures{Name: c.name()}
		if cerr != nil {
			if i == 0 {
				return s, fmt.Errorf("%s: %s: %w", what, c.name(), cerr)
			}
			f.Failed = cerr.Error()
		} else {
			entries = append(entries, entry{call, len(s.Figures)})
		}
		s.Figures = append(s.Figures, f)
	}
	for range rounds {
		for _, e := range entries {
			f := &s.Figures[e.at]
			if f.Failed != "" {
				continue
			}
			begin := time.Now()
			if cerr := e.call(); cerr != nil {
				f.Failed = cerr.Error()
				if e.at == 0 {
					return s, fmt.Errorf("%s: %s: %w", what, f.Name, cerr)
				}
				continue
			}
			f.Milliseconds = append(f.Milliseconds, float64(time.Since(begin).Microseconds())/1e3)
		}
	}
	return s, nil
}

func atOnce(n int, f func() error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
