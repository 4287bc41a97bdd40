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
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

var statsCommand = command{
	name: "stats", args: "[CONTAINER...]", short: "Show what containers use", min: 0, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		all := flags.BoolP("all", "a", false, "show containers that don't run, too")
		once := flags.Bool("no-stream", false, "print once, over one second")
		full := flags.Bool("no-trunc", false, "don't shorten ids")
		how := format.Flag(flags)
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
	given  map[string]string // how the containers were named on the command line, by id
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
		if w.given == nil {
			w.given = map[string]string{}
		}
		w.given[info.ID] = name
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
func (w *watch) print(out io.Writer, how format.Format, again bool) error {
	w.mu.Lock()
	var rows []statsRow
	for _, info := range w.list {
		s, ok := w.latest[info.ID]
		row := newStatsRow(info, s, ok && !s.Time.IsZero(), w.full)
		row.Container = first(w.given[info.ID], row.ID)
		rows = append(rows, row)
	}
	w.mu.Unlock()
	var b bytes.Buffer
	if (how == "" || how.IsTable()) && again && terminal(out) {
		b.WriteString("\x1b[H\x1b[J") // to the upper left corner, and clear what is below
	}
	err := format.Rows(&b, how.Or(statsTable), rows)
	_, werr := out.Write(b.Bytes())
	return errors.Join(err, werr)
}

// statsRow has docker stats's names for --format.
type statsRow struct {
	BlockIO   string `head:"BLOCK I/O"`
	CPUPerc   string `head:"CPU %"`
	Container string
	ID        string `head:"CONTAINER ID"`
	MemPerc   string `head:"MEM %"`
	MemUsage  string `head:"MEM USAGE / LIMIT"`
	Name      string
	NetIO     string `head:"NET I/O"`
	PIDs      string
}

const statsTable = `table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}`

func newStatsRow(info container.Info, s container.Stats, known, full bool) statsRow {
	r := statsRow{Container: info.ID, ID: info.ID, Name: info.Name, CPUPerc: "--", MemPerc: "--", MemUsage: "-- / --", NetIO: "--", BlockIO: "--", PIDs: "--"}
	if !full {
		r.ID = format.ShortID(info.ID)
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
	r.NetIO = format.Size(rx) + " / " + format.Size(tx)
	r.BlockIO = format.Size(s.BlockRead) + " / " + format.Size(s.BlockWrite)
	r.PIDs = fmt.Sprint(s.PIDs)
	return r
}
