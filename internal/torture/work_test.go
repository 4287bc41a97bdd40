//go:build linux

package torture

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// base is the image that nobody removes.
const base = "torture/base:1"

// work does random things in a store until standard input ends, and writes a line for each: its name, and after a colon an
// error that must not be.
func work(root string) {
	var n uint64
	_, _ = fmt.Sscan(os.Getenv(envSeed), &n) // 0 is a seed, too
	var end atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end.Store(true)
	}()
	begin := time.Now()
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	if err != nil {
		report("open", err)
		return
	}
	fmt.Println(opened, int64(time.Since(begin)))
	e, err := container.NewEngine(store, container.EngineOptions{})
	if err != nil {
		report("engine", err)
		return
	}
	w := &works{store, e, rand.New(rand.NewPCG(n, 1))}
	for !end.Load() {
		name := w.some()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := ops[name](ctx, w)
		cancel()
		if errors.Is(err, image.ErrAgentGone) {
			return // it was killed
		}
		report(name, err)
	}
	if err := store.Close(); !errors.Is(err, image.ErrAgentGone) {
		report("close", err)
	}
}

// expected are what others' work, and kills, may lead to.
var expected = []error{
	image.ErrNotFound, image.ErrInUse, image.ErrAgentGone, container.ErrNotFound, container.ErrInUse, container.ErrNameInUse,
	container.ErrRunning, container.ErrNotRunning,
}

func report(op string, err error) {
	for _, ok := range expected {
		if errors.Is(err, ok) {
			err = nil
		}
	}
	if err != nil {
		fmt.Printf("%s: %q\n", op, err)
		return
	}
	fmt.Println(op)
}

type works struct {
	store  *image.Store
	engine *container.Engine
	random *rand.Rand
}

func (w *works) name(kind string) string { return fmt.Sprint(kind, w.random.IntN(4)) }

func (w *works) some() string { return names[w.random.IntN(len(names))] }

var names = []string{"import", "tag", "untag", "rmi", "images", "create", "start", "stop", "rm", "run", "ps", "commit", "volume", "network", "prune"}

// ops are what a process does.
var ops = map[string]func(ctx context.Context, w *works) error{
	"import": func(ctx context.Context, w *works) error {
		var b bytes.Buffer
		t := tar.NewWriter(&b)
		text := fmt.Sprint(w.random.IntN(20))
		if err := t.WriteHeader(&tar.Header{Name: "d/" + text, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		if _, err := io.WriteString(t, text); err != nil {
			return err
		}
		_, err := w.store.Import(ctx, &b, image.ImportOptions{Tags: []string{w.name("image")}})
		return err
	},
	"tag":   func(ctx context.Context, w *works) error { return w.store.Tag(ctx, base, w.name("image")) },
	"untag": func(ctx context.Context, w *works) error { return w.store.Untag(ctx, w.name("image")) },
	"rmi": func(ctx context.Context, w *works) error {
		_, err := w.store.Remove(ctx, w.name("image"), image.RemoveOptions{})
		return err
	},
	"images": func(ctx context.Context, w *works) error {
		_, err := w.store.List(ctx, image.ListOptions{})
		return err
	},
	"create": func(ctx context.Context, w *works) error {
		_, err := w.engine.Create(ctx, container.Options{Image: base, Name: w.name("c"), Detach: true, Cmd: []string{"sleep", "1h", w.store.Root()}})
		return err
	},
	"start": func(ctx context.Context, w *works) error {
		c, err := w.engine.Get(ctx, w.name("c"))
		if err != nil {
			return err
		}
		return c.Start(ctx)
	},
	"stop": func(ctx context.Context, w *works) error {
		c, err := w.engine.Get(ctx, w.name("c"))
		if err != nil {
			return err
		}
		return c.Stop(ctx, container.StopOptions{Timeout: time.Millisecond})
	},
	"rm": func(ctx context.Context, w *works) error {
		c, err := w.engine.Get(ctx, w.name("c"))
		if err != nil {
			return err
		}
		return c.Remove(ctx, container.RemoveOptions{Force: true})
	},
	"run": func(ctx context.Context, w *works) error {
		c, err := w.engine.Start(ctx, container.Options{Image: base, Cmd: []string{"exit", "3"}, Mounts: []container.Mount{{Type: container.MountVolume, Target: "/v"}}})
		if err != nil {
			return err
		}
		st, err := c.Wait(ctx)
		if err == nil && st.ExitCode != 3 && st.Signal == "" { // else it was killed
			err = fmt.Errorf("exit code %d", st.ExitCode)
		}
		return errors.Join(err, c.Remove(ctx, container.RemoveOptions{Force: true}))
	},
	"ps": func(ctx context.Context, w *works) error {
		_, err := w.engine.List(ctx, container.ListOptions{All: true})
		return err
	},
	"commit": func(ctx context.Context, w *works) error {
		c, err := w.engine.Get(ctx, w.name("c"))
		if err != nil {
			return err
		}
		_, err = c.Commit(ctx, container.CommitOptions{Tags: []string{w.name("image")}})
		return err
	},
	"volume": func(ctx context.Context, w *works) error {
		if w.random.IntN(2) == 0 {
			return w.engine.RemoveVolume(ctx, w.name("v"))
		}
		_, err := w.engine.CreateVolume(ctx, container.VolumeOptions{Name: w.name("v")})
		return err
	},
	"network": func(ctx context.Context, w *works) error {
		if w.random.IntN(2) == 0 {
			return w.engine.RemoveNetwork(ctx, w.name("n"))
		}
		_, err := w.engine.CreateNetwork(ctx, container.NetworkOptions{Name: w.name("n")})
		return err
	},
	"prune": func(ctx context.Context, w *works) error {
		_, err := w.store.Prune(ctx, image.PruneOptions{})
		return err
	},
}
