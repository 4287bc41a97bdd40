package agentbin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/internal/version"
)

// compile builds the agent into a directory, in the directory of the agent's module, with that module's own go.sum.
func (f *finder) compile(ctx context.Context, tmp string) error {
	dir, err := f.agentSource(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(f.out, "caisson: building the agent %s, once for this version (with an empty build cache about three minutes of CPU time)\n", f.src.Version)
	args := []string{"build", "-v", "-buildvcs=false", "-tags", BuildTags,
		"-ldflags", "-s -w -X " + version.Module + "/internal/version.build=" + f.src.Version, "-o", tmp + "/"}
	for _, name := range Names() {
		args = append(args, "./cmd/"+name)
	}
	cmd := f.goTool.command(ctx, dir, args...)
	cmd.Env = append(cmd.Env, "GOFLAGS=-mod=readonly", "CGO_ENABLED=1", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	var said bytes.Buffer
	counter := &counter{out: f.out, said: &said}
	r, w := io.Pipe()
	cmd.Stderr = w
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		counter.read(r)
	}()
	err = cmd.Run()
	w.Close()
	<-counted
	if err != nil {
		return buildError(ctx, dir, err, said.String())
	}
	return nil
}

// buildError says why go build failed.
func buildError(ctx context.Context, dir string, err error, said string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, missing := range []string{"module lookup disabled by GOPROXY=off", "missing go.sum entry", "dial tcp", "no such host", "connection refused"} {
		if strings.Contains(said, missing) {
			return problemf("run go mod download in "+dir+" where a module proxy can be reached",
				"the modules that the agent is compiled from are not all on this machine:\n%s", said)
		}
	}
	return problemf("", "go build in %s: %v\n%s", dir, err, said)
}

// agentSource returns the directory of the agent's module: beside the packages that this program was compiled from in a
// checkout or a replacement, in the module cache for a published version.
func (f *finder) agentSource(ctx context.Context) (string, error) {
	if agent := filepath.Join(f.src.Dir, "agent"); f.src.Dir != "" && isModule(agent) {
		return agent, nil
	}
	if !f.src.Release {
		return "", problemf("name the binary of an agent in "+EnvAgent+", or run the program in the directory of its main module",
			"the source of this program's caisson is not known: it was compiled with -trimpath or from a vendor directory")
	}
	got, err := f.goTool.download(ctx, version.AgentModule, f.src.Version)
	return got.Dir, err
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// mayBuild looks before the three minutes are spent: without cgo the agent has no container runtime.
func (f *finder) mayBuild(ctx context.Context) error {
	cc := f.goTool.lookup("CC")
	if cc == "" {
		cmd := f.goTool.command(ctx, "/", "env", "CC")
		out, err := cmd.Output()
		if err != nil {
			return problemf("", "go env: %v", err)
		}
		cc = strings.TrimSpace(string(out))
	}
	name, _, _ := strings.Cut(cc, " ")
	if _, err := exec.LookPath(name); err != nil {
		return problemf("install a C compiler (Debian: apt-get install gcc libc6-dev)", "the agent needs a C compiler, and %q is not on PATH", name)
	}
	if f.src.Dir == "" && !f.src.Release {
		_, err := f.agentSource(ctx)
		return err
	}
	return nil
}

// counter counts the packages that the toolchain names and keeps what else it says.
type counter struct {
	out  io.Writer
	said *bytes.Buffer
}

func (c *counter) read(r io.Reader) {
	n, last := 0, time.Now()
	s := bufio.NewScanner(r)
	for s.Scan() {
		line := s.Text()
		if line == "" || strings.ContainsAny(line, " \t") {
			c.said.WriteString(line + "\n")
			continue
		}
		n++
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			fmt.Fprintf(c.out, "caisson: building the agent: %d packages compiled\n", n)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		_, _ = io.Copy(io.Discard, r) // the go command waits for its reader
	}
}
