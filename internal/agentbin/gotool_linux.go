package agentbin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// goTool is the go command, and the environment that it gets.
type goTool struct {
	path string
	env  []string
}

func findGo() (goTool, error) {
	env := os.Environ()
	if p, err := exec.LookPath("go"); err == nil {
		return goTool{p, env}, nil
	}
	p := filepath.Join(os.Getenv("GOROOT"), "bin", "go")
	if _, err := os.Stat(p); err == nil && filepath.IsAbs(p) {
		return goTool{p, env}, nil
	}
	return goTool{}, problemf("put the go command on PATH, or name the binary of an agent in "+EnvAgent, "there is no go command on PATH")
}

// lookup returns a variable of the environment.
func (g goTool) lookup(name string) string {
	for i := len(g.env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(g.env[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// command runs the go command in a directory, as a module's. When ctx ends it is interrupted, as by a terminal: then it
// removes its temporary files. What it has started is killed.
func (g goTool) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.path, args...)
	cmd.Dir = dir
	cmd.Env = append(g.env[:len(g.env):len(g.env)], "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "PWD="+dir)
	cmd.Cancel = func() error {
		killBelow(cmd.Process.Pid) // first: of what the signal ends, nobody knows what it has started
		err := cmd.Process.Signal(os.Interrupt)
		killBelow(cmd.Process.Pid) // what it has started since
		return err
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// killBelow kills the processes that a process has started; of those in turn none is left that would not end by itself.
func killBelow(pid int) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return
	}
	for _, f := range files {
		text, _ := os.ReadFile(f) // the thread may be gone
		for child := range strings.FieldsSeq(string(text)) {
			var n int
			if _, err := fmt.Sscan(child, &n); err == nil {
				killBelow(n)
				_ = syscall.Kill(n, syscall.SIGKILL) // it may be gone
			}
		}
	}
}

// downloaded is what go mod download says of a module.
type downloaded struct{ Dir, Zip, Sum, Error string }

// download fetches a module into the module cache, by whatever proxy the user has.
func (g goTool) download(ctx context.Context, module, version string) (got downloaded, err error) {
	empty, err := os.MkdirTemp("", "caisson-download-") // outside of any module, whose vendor directory would count
	if err != nil {
		return got, err
	}
	defer os.RemoveAll(empty)
	cmd := g.command(ctx, empty, "mod", "download", "-json", module+"@"+version)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return got, context.Cause(ctx)
	}
	if jerr := json.Unmarshal(out, &got); jerr == nil && got.Error != "" {
		err = errors.New(got.Error)
	} else if err != nil && stderr.Len() > 0 {
		err = fmt.Errorf("%w\n%s", err, &stderr)
	}
	if err != nil {
		return got, downloadError(module+"@"+version, g.lookup("GOPROXY"), err.Error())
	}
	return got, nil
}

// downloadError says what is wrong in words of the user's, by what the go command says.
func downloadError(what, proxy, said string) error {
	if proxy == "" {
		proxy = "that of go env GOPROXY"
	}
	switch {
	case strings.Contains(said, "SECURITY ERROR") || strings.Contains(said, "checksum mismatch"):
		return refusal{problemf("ask who runs the module proxy ("+proxy+"), and set GOPROXY to another one", "%s is not what the checksum database or the module cache says it is:\n%s", what, said)}
	case strings.Contains(said, "GOPROXY=off"):
		return problemf("run it once with a GOPROXY that has "+what, "GOPROXY is off, and the module cache has no %s", what)
	case strings.Contains(said, "permission denied") || strings.Contains(said, "read-only file system"):
		return problemf("set GOMODCACHE to a directory that this user may write", "the module cache can't be written:\n%s", said)
	case strings.Contains(said, "404 Not Found") || strings.Contains(said, "410 Gone") || strings.Contains(said, "no such file"):
		return problemf("set GOPROXY to a proxy that has it", "the module proxy (%s) has no %s", proxy, what)
	}
	return problemf("check the network and GOPROXY", "%s can't be downloaded (GOPROXY: %s):\n%s", what, proxy, said)
}
