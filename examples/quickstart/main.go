// Command quickstart tells what caisson is, as a program: it builds an image, runs it twice, looks around, talks to it,
// pushes it to a registry of its own, pulls it back, and leaves nothing behind. It needs no network, touches no store
// but a temporary one, and ends with code 1 at the first thing that is not so.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := tell(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// story is what the steps share.
type story struct {
	dir    string // temporary: the store, and the build's context
	token  string // in the environment of every container, to find their processes by
	store  *image.Store
	engine *container.Engine
	reg    *server.Serving

	img        *image.Image
	firstBuild time.Duration
	one, two   *container.Container
	ids        []string // of all containers that there were
	remote     string   // the image's name in the registry
}

// step is one thing that is shown. It returns what is worth telling.
type step struct {
	name string
	do   func(ctx context.Context) (string, error)
}

func tell(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "caisson-quickstart-")
	if err != nil {
		return err
	}
	s := &story{dir: dir, token: fmt.Sprintf("QUICKSTART=%d.%d", os.Getpid(), time.Now().UnixNano())}
	defer func() { err = errors.Join(err, s.close(), os.RemoveAll(dir)) }()
	steps := []step{
		{"compile", s.compile}, {"open", s.open}, {"build", s.build}, {"build again", s.buildAgain},
		{"not at build", s.notAtBuild}, {"run two", s.runTwo}, {"apart", s.apart}, {"logs", s.logs}, {"attach", s.attach},
		{"exec", s.exec}, {"push", s.push}, {"stop", s.stop}, {"remove", s.remove}, {"pull", s.pull},
		{"run again", s.runAgain}, {"prune", s.prune}, {"nothing left", s.nothingLeft},
	}
	begin := time.Now()
	for _, st := range steps {
		t := time.Now()
		what, err := st.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", st.name, err)
		}
		fmt.Fprintf(out, "%7.3f s  %-12s  %s\n", time.Since(t).Seconds(), st.name, what)
	}
	_, err = fmt.Fprintf(out, "%7.3f s  in all\n", time.Since(begin).Seconds())
	return err
}

// close is for a story that broke off: what is left of it goes.
func (s *story) close() error {
	var err error
	if s.reg != nil {
		err = s.reg.Close()
	}
	if s.store == nil {
		return err
	}
	for _, c := range []*container.Container{s.one, s.two} {
		if c != nil {
			err = errors.Join(err, ignoreNotFound(c.Remove(context.Background(), container.RemoveOptions{Force: true})))
		}
	}
	return errors.Join(err, s.store.Destroy(context.Background()))
}

func ignoreNotFound(err error) error {
	if errors.Is(err, container.ErrNotFound) {
		return nil
	}
	return err
}

// check is an error unless what it says is so.
func check(so bool, format string, args ...any) error {
	if so {
		return nil
	}
	return fmt.Errorf("it is not so that "+format, args...)
}
