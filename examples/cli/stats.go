package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var statsCommand = command{
	name: "stats", args: "[CONTAINER...]", short: "Show what containers use", min: 0, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		all := flags.BoolP("all", "a", false, "show containers that don't run, too")
		once := flags.Bool("no-stream", false, "print once, over one second")
		full := flags.Bool("no-trunc", false, "don't shorten ids")
		how := formatFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			engine, err := c.engine()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			w := &watch{ctx: ctx, engine: engine, names: args, all: *all, full: *full, latest: map[string]container.Stats{}}
			defer w.followers.Wait()
			defer cancel() // before it is waited for
			tick := time.NewTicker(statsInterval)
			defer tick.Stop()
			if err := w.look(); err != nil {
				return err
			}
			for first := true; ; first = false {
				if first { // the use of processors in the first second is known after it
					w.second.Wait()
				} else {
					select {
					case <-tick.C:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				if err := w.look(); err != nil {
					return err
				}
				if err := w.print(c.out, *how, !*once); err != nil || *once {
					return err
				}
			}
		}
	},
}

const statsInterval = time.Second

// watch follows the use of several containers at once.
type watch struct {
	ctx       context.Context
	engine    *container.Engine
	names     []string
	all, full bool
	followers sync.WaitGroup
	second    sync.WaitGroup // until each of the first containers has two samples, or has ended

	list   []container.Info
	mu     sync.Mutex
	latest map[string]container.Stats // of those that run, by id; zero until there are two samples
}

// look finds the containers and follows those that it has not seen yet.
func (w *watch) look() error {
	w.list = nil
	if len(w.names) == 0 {
		list, err := w.engine.List(w.ctx, container.ListOptions{All: w.all})
		if err != nil {
			return err
		}
		w.list = list
	}
	for _, name := range w.names {
		ctr, err := w.engine.Get(w.ctx, name)
		if err != nil {
			return err
		}
		info, err := ctr.Inspect(w.ctx)
		if err != nil {
			return err
		}
		w.list = append(w.list, *info)
	}
	for _, info := range w.list {
		if info.State.Status == container.StatusRunning || info.State.Status == container.StatusPaused {
			w.follow(info.ID)
		}
	}
	return nil
}

func (w *watch) follow(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.latest[id]; ok {
		return
	}
	w.latest[id] = container.Stats{}
	w.second.Add(1)
	w.followers.Go(func() {
		twice := sync.OnceFunc(w.second.Done)
		defer twice()
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.latest, id)
		}()
		ctr, err := w.engine.Get(w.ctx, id)
		if err != nil {
			return // it is gone
		}
		n := 0
		for s, err := range ctr.StatsStream(w.ctx, container.StatsOptions{Interval: statsInterval}) {
			if err != nil {
				return // it has ended
			}
			if n++; n < 2 {
				continue
			}
			w.mu.Lock()
			w.latest[id] = s
			w.mu.Unlock()
			twice()
		}
	})
}

// print writes a table in place of the one before, where there is a terminal, or a line of JSON for each container.
func (w *watch) print(out io.Writer, how format, again bool) error {
	w.mu.Lock()
	var rows []statsRow
	for _, info := range w.list {
		s, ok := w.latest[info.ID]
		rows = append(rows, newStatsRow(info, s, ok && !s.Time.IsZero(), w.full))
	}
	w.mu.Unlock()
	var b bytes.Buffer
	if how == "table" && again && terminal(out) {
		b.WriteString("\x1b[H\x1b[J") // to the upper left corner, and clear what is below
	}
	err := show(&b, how, false, rows, listing[statsRow]{
		header: "CONTAINER ID\tNAME\tCPU %\tMEM USAGE / LIMIT\tMEM %\tNET I/O\tBLOCK I/O\tPIDS",
		cells: func(r statsRow) []string {
			return []string{r.ID, r.Name, r.CPUPerc, r.MemUsage, r.MemPerc, r.NetIO, r.BlockIO, r.PIDs}
		},
	})
	_, werr := out.Write(b.Bytes())
	return errors.Join(err, werr)
}

// statsRow has docker stats's names for --format.
type statsRow struct{ BlockIO, CPUPerc, Container, ID, MemPerc, MemUsage, Name, NetIO, PIDs string }

func newStatsRow(info container.Info, s container.Stats, known, full bool) statsRow {
	r := statsRow{Container: info.ID, ID: info.ID, Name: info.Name, CPUPerc: "--", MemPerc: "--", MemUsage: "-- / --", NetIO: "--", BlockIO: "--", PIDs: "--"}
	if !full {
		r.ID = shortID(info.ID)
	}
	if !known {
		return r
	}
	var rx, tx int64
	for _, n := range s.Networks {
		rx, tx = rx+n.RxBytes, tx+n.TxBytes
	}
	r.CPUPerc = fmt.Sprintf("%.2f%%", s.CPUPercent)
	r.MemUsage = units.BytesSize(float64(s.Memory)) + " / " + units.BytesSize(float64(s.MemoryLimit))
	if s.MemoryLimit > 0 {
		r.MemPerc = fmt.Sprintf("%.2f%%", 100*float64(s.Memory)/float64(s.MemoryLimit))
	}
	r.NetIO = size(rx) + " / " + size(tx)
	r.BlockIO = size(s.BlockRead) + " / " + size(s.BlockWrite)
	r.PIDs = fmt.Sprint(s.PIDs)
	return r
}
