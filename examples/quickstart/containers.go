package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// runTwo starts two containers of the image. Each says hello, which is its CMD at work.
func (s *story) runTwo(ctx context.Context) (string, error) {
	begin := time.Now()
	for _, one := range []struct {
		name string
		c    **container.Container
	}{{"one", &s.one}, {"two", &s.two}} {
		c, err := s.engine.Start(ctx, container.Options{
			Image: name, Name: one.name, Cmd: []string{"serve", one.name}, Env: []string{s.token}, Stdin: true,
		})
		if err != nil {
			return "", err
		}
		*one.c = c
		s.ids = append(s.ids, c.ID())
	}
	took := time.Since(begin)
	for _, c := range []*container.Container{s.one, s.two} {
		if err := waitLog(ctx, c, "this is "+c.Name()); err != nil {
			return "", err
		}
	}
	list, err := s.engine.List(ctx, container.ListOptions{})
	return fmt.Sprintf("two containers of one image, %d ms each", took.Milliseconds()/2), firstError(err,
		check(len(list) == 2, "two containers run: %d do", len(list)))
}

// waitLog follows the log until it has the text.
func waitLog(ctx context.Context, c *container.Container, text string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, w := io.Pipe()
	go func() { w.CloseWithError(c.Logs(ctx, container.LogsOptions{Stdout: w, Follow: true})) }()
	defer r.Close()
	seen := ""
	for in := bufio.NewScanner(r); in.Scan(); {
		if seen += in.Text() + "\n"; strings.Contains(in.Text(), text) {
			return nil
		}
	}
	return check(false, "%s writes %q: %q", c.Name(), text, seen)
}

// apart shows that neither sees the other's files or processes.
func (s *story) apart(ctx context.Context) (string, error) {
	if _, err := hello(ctx, s.one, "write", "mine.txt", "of one"); err != nil {
		return "", err
	}
	oneFiles, err1 := hello(ctx, s.one, "ls", ".")
	twoFiles, err2 := hello(ctx, s.two, "ls", ".")
	oneProcs, err3 := hello(ctx, s.one, "ps")
	twoProcs, err4 := hello(ctx, s.two, "ps")
	return "neither sees the other's files or processes", firstError(err1, err2, err3, err4,
		check(slices.Equal(oneFiles, []string{"built.txt", "mine.txt", "started.txt"}), "one has its files: %v", oneFiles),
		check(slices.Equal(twoFiles, []string{"built.txt", "started.txt"}), "two has its files alone: %v", twoFiles),
		check(slices.Equal(oneProcs, []string{"/bin/hello serve one", "/bin/hello ps"}), "one sees its processes alone: %v", oneProcs),
		check(slices.Equal(twoProcs, []string{"/bin/hello serve two", "/bin/hello ps"}), "two sees its processes alone: %v", twoProcs),
	)
}

// hello runs the image's program in a container and returns the lines that it writes.
func hello(ctx context.Context, c *container.Container, args ...string) ([]string, error) {
	out, err := c.Command("/bin/hello", args...).Output(ctx)
	var ee *container.ExitError
	if errors.As(err, &ee) {
		err = fmt.Errorf("%w: %s", err, ee.Stderr)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), err
}

func (s *story) logs(ctx context.Context) (string, error) {
	log, err := logOf(ctx, s.one)
	line := strings.TrimSpace(log)
	return fmt.Sprintf("%q", line), firstError(err,
		check(line == "hello from the image, this is one", "the log has what the container wrote: %q", log))
}

// attach talks to the container's process.
func (s *story) attach(ctx context.Context) (string, error) {
	in, typed := io.Pipe()
	said, out := io.Pipe()
	a, err := s.two.Attach(ctx, container.AttachOptions{Stdin: in, Stdout: out})
	if err != nil {
		return "", err
	}
	defer a.Close()
	defer in.Close()
	stop := context.AfterFunc(ctx, func() { said.CloseWithError(context.Cause(ctx)) })
	defer stop()
	begin := time.Now()
	if _, err := io.WriteString(typed, "ping\n"); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	took := time.Since(begin)
	return fmt.Sprintf("typed %q, heard %q after %.1f ms", "ping", strings.TrimSpace(line), float64(took.Microseconds())/1e3),
		firstError(err, check(line == "two heard ping\n", "the process answers: %q", line))
}

func (s *story) exec(ctx context.Context) (string, error) {
	out, err := hello(ctx, s.one, "env", "GREETING")
	if err != nil {
		return "", err
	}
	var ee *container.ExitError
	errors.As(s.one.Command("/bin/hello", "exit", "3").Run(ctx), &ee)
	errMissing := s.one.Command("/bin/nothing").Run(ctx)
	return "a command's output, its exit code, and one that is not there", firstError(
		check(slices.Equal(out, []string{"hello from the image"}), "a command sees the image's environment: %q", out),
		check(ee != nil && ee.ExitCode == 3, "a command's exit code is told: %v", ee),
		check(errors.Is(errMissing, container.ErrCommandNotFound), "a missing command is told: %v", errMissing),
	)
}

// stop ends both with the image's stop signal, which they handle.
func (s *story) stop(ctx context.Context) (string, error) {
	for _, c := range []*container.Container{s.one, s.two} {
		if err := c.Stop(ctx, container.StopOptions{}); err != nil {
			return "", err
		}
		st, err := c.Wait(ctx)
		if err != nil {
			return "", err
		}
		log, err := logOf(ctx, c)
		if err := firstError(err, check(st.ExitCode == 0 && strings.Contains(log, c.Name()+" says goodbye"), "%s ends well: code %d, %q", c.Name(), st.ExitCode, log)); err != nil {
			return "", err
		}
	}
	return "both said goodbye and ended with code 0", nil
}
