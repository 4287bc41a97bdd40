//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestMain lets the test binary be the program, too: "caisson" is first on PATH.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"caisson": main})
}

const dockerfile = `FROM scratch
COPY testbox /bin/testbox
ENV FROM_IMAGE=yes
WORKDIR /work
RUN ["/bin/testbox", "chain", "write", "/work/built", "by RUN", ";", "ln", "testbox", "/bin/sh"]
ENTRYPOINT ["/bin/testbox"]
CMD ["echo", "default"]
`

// TestScripts runs testdata/*.txtar, each with a store and registries of its own and a build context in ctx.
func TestScripts(t *testing.T) {
	box := testenv.Testbox(t)
	testscript.Run(t, testscript.Params{
		Dir:      "testdata",
		Deadline: time.Now().Add(15 * time.Minute),
		Setup: func(e *testscript.Env) error {
			root := filepath.Join(e.WorkDir, "store")
			e.Setenv("CAISSON_ROOT", root)
			for _, name := range []string{"CAISSON_AGENT", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"} {
				if v, ok := os.LookupEnv(name); ok {
					e.Setenv(name, v)
				}
			}
			if cache, err := os.UserCacheDir(); err == nil {
				e.Setenv("XDG_CACHE_HOME", cache) // where the agent is found, if it is not linked in
			}
			e.Defer(func() { destroy(t, root) })
			for name, at := range map[string]server.ServeOptions{
				"REGISTRY": {}, "TLS_REGISTRY": {TLS: true}, "TLS_HOST_REGISTRY": {TLS: true, Addr: net.JoinHostPort(hostIP(), "0")},
			} {
				reg, err := server.Serve(server.Options{}, at)
				if err != nil {
					return err
				}
				e.Defer(func() { require.NoError(t, reg.Close()) })
				e.Setenv(name, reg.Addr)
			}
			return buildContext(filepath.Join(e.WorkDir, "ctx"), box)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": cmdCode, "save": cmdSave, "until": cmdUntil},
		Condition: func(cond string) (bool, error) {
			return cond == "hostip" && hostIP() != "127.0.0.1" || cond == "root" && os.Geteuid() == 0, nil
		},
	})
}

// hostIP is an address of this machine that is not the loopback, if there is one.
func hostIP() string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	return "127.0.0.1"
}

func buildContext(dir string, box []byte) error {
	return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "testbox"), box, 0o755),
		os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
}

// cmdCode is "code N PROGRAM [ARG...]": the program ends with the code N.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var ee *exec.ExitError
	got := 0
	if errors.As(err, &ee) {
		got = ee.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdUntil is "until PATTERN PROGRAM [ARG...]": the program is run again and again until its standard output matches.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN PROGRAM [ARG...]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(time.Minute); ; <-again.C {
		ts.Check(ts.Exec(args[1], args[2:]...))
		out := ts.ReadFile("stdout")
		if pattern.MatchString(out) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%q does not come; the last output is %q", args[0], out)
		}
	}
}

// cmdSave is "save NAME": what was last written to standard output becomes an environment variable.
func cmdSave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: save NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// destroy removes a store with its containers.
func destroy(t testing.TB, root string) {
	t.Helper()
	ctx := context.Background()
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	engine, err := container.NewEngine(store, container.EngineOptions{})
	require.NoError(t, err)
	list, err := engine.List(ctx, container.ListOptions{All: true})
	require.NoError(t, err)
	for _, info := range list {
		c, err := engine.Get(ctx, info.ID)
		if errors.Is(err, container.ErrNotFound) {
			continue
		}
		require.NoError(t, err)
		err = c.Remove(ctx, container.RemoveOptions{Force: true})
		require.True(t, err == nil || errors.Is(err, container.ErrNotFound), "%v", err)
	}
	// The agents of detached containers leave a moment after their containers.
	require.Eventually(t, func() bool {
		err = store.Destroy(ctx)
		return !errors.Is(err, image.ErrInUse)
	}, time.Minute, 20*time.Millisecond, "the store stays in use")
	require.NoError(t, err)
}

// newStore makes a store with the image box, and returns a function that makes commands on it.
func newStore(t testing.TB) func(args ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "store")
	require.NoError(t, buildContext(filepath.Join(dir, "ctx"), testenv.Testbox(t)))
	t.Cleanup(func() { destroy(t, root) })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	caisson := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "caisson", append([]string{"--root", root}, args...)...)
		cmd.Stderr = os.Stderr
		return cmd
	}
	build := caisson("build", "-q", "-t", "box", filepath.Join(dir, "ctx"))
	require.NoError(t, build.Run())
	return caisson
}

// output runs a command and returns what it wrote.
func output(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	require.NoError(t, err, "%v", cmd.Args)
	return strings.TrimSpace(string(out))
}

// exitCode is that of a command that has ended.
func exitCode(err error) int {
	var ee *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ee):
		return ee.ExitCode()
	}
	panic(fmt.Sprint("it could not be run: ", err))
}
