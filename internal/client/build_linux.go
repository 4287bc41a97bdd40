package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/flock"
	"github.com/caisson-dev/caisson/internal/version"
)

// build compiles the agent into path, once however many processes ask at the same time.
func build(src version.Source, path string) error {
	goTool, err := findGo()
	if err != nil {
		return err
	}
	if err := findCompiler(goTool); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out := progress()
	lock, err := lockBuild(path+".lock", out)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if _, err := os.Stat(path); err == nil {
		return nil // another process built it while this one waited
	}
	begin := time.Now()
	fmt.Fprintf(out, "caisson: building the agent %s, once for this version (with an empty build cache about three minutes of CPU time)\n", src.Version)
	tmp, err := os.MkdirTemp(filepath.Dir(path), ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	built, err := compile(goTool, src, tmp, out)
	if err != nil {
		return err
	}
	for _, suffix := range suffixes {
		if err := os.Rename(built+suffix, path+suffix); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "caisson: built the agent in %.1f s: %s\n", time.Since(begin).Seconds(), path)
	removeOld(filepath.Dir(path), path)
	return nil
}

// compile builds from the directory of the agent's module, with that module's own go.sum.
func compile(goTool string, src version.Source, tmp string, out io.Writer) (string, error) {
	dir, err := agentSource(goTool, src)
	if err != nil {
		return "", err
	}
	args := []string{"build", "-v", "-buildvcs=false", "-tags", BuildTags,
		"-ldflags", "-s -w -X " + version.Module + "/internal/version.build=" + src.Version, "-o", tmp + "/"}
	for _, suffix := range suffixes {
		args = append(args, "./cmd/caisson-agent"+suffix)
	}
	cmd := exec.Command(goTool, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "CGO_ENABLED=1", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GO111MODULE=on", "PWD="+dir)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	tail := watch(stderr, out)
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("go build in %s: %w\n%s", dir, err, tail)
	}
	return filepath.Join(tmp, "caisson-agent"), nil
}

// agentSource returns the directory of the agent's module: beside the packages that this program was compiled from in a
// checkout or a replacement, in the module cache for a published version.
func agentSource(goTool string, src version.Source) (string, error) {
	dir := src.Dir
	if dir == "" && !src.Release {
		dir = replacement(goTool) // under a vendor directory, which leaves the agent's module out
	}
	if agent := filepath.Join(dir, "agent"); dir != "" && isModule(agent) {
		return agent, nil
	}
	if !src.Release {
		return "", errNoSource
	}
	return download(goTool, version.AgentModule+"@"+src.Version)
}

// replacement is the directory that the main module of the working directory has instead of this module.
func replacement(goTool string) string {
	cmd := exec.Command(goTool, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", version.Module)
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// download fetches a module into the module cache, by whatever proxy the user has, and returns its directory.
func download(goTool, module string) (string, error) {
	empty, err := os.MkdirTemp("", "caisson-download-") // outside of any module, whose vendor directory would count
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(empty)
	cmd := exec.Command(goTool, "mod", "download", "-json", module)
	cmd.Dir = empty
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "PWD="+empty)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var got struct{ Dir, Error string }
	if jerr := json.Unmarshal(out, &got); jerr == nil && got.Error != "" {
		return "", fmt.Errorf("go mod download %s: %s", module, got.Error)
	}
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w\n%s", module, err, &stderr)
	}
	return got.Dir, nil
}

// watch counts the packages that the toolchain names and keeps what else it says.
func watch(r io.Reader, out io.Writer) []byte {
	var said bytes.Buffer
	n, last := 0, time.Now()
	for s := bufio.NewScanner(r); s.Scan(); {
		line := s.Text()
		if line == "" || strings.ContainsAny(line, " \t") {
			said.WriteString(line + "\n")
			continue
		}
		n++
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			fmt.Fprintf(out, "caisson: building the agent: %d packages compiled\n", n)
		}
	}
	b := said.Bytes()
	return b[max(0, len(b)-4000):]
}

func findGo() (string, error) {
	if p, err := exec.LookPath("go"); err == nil {
		return p, nil
	}
	p := filepath.Join(os.Getenv("GOROOT"), "bin", "go")
	if _, err := os.Stat(p); err == nil && filepath.IsAbs(p) {
		return p, nil
	}
	return "", errors.New("no go command on PATH")
}

// findCompiler looks before the three minutes are spent: without cgo the agent has no container runtime.
func findCompiler(goTool string) error {
	cc := os.Getenv("CC")
	if cc == "" {
		if out, err := exec.Command(goTool, "env", "CC").Output(); err == nil {
			cc = strings.TrimSpace(string(out))
		}
	}
	name, _, _ := strings.Cut(cc, " ")
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Errorf("the agent needs a C compiler, and %q is not on PATH: install one (Debian: apt-get install gcc libc6-dev)", name)
	}
	return nil
}

// lockBuild waits for another process's build, and says so.
func lockBuild(path string, out io.Writer) (*flock.Lock, error) {
	if l, err := flock.Try(path, flock.Exclusive); l != nil || err != nil {
		return l, err
	}
	fmt.Fprintln(out, "caisson: waiting for another process that builds the agent")
	return flock.Acquire(context.Background(), path, flock.Exclusive)
}

// progress is standard error, and the terminal too where go test keeps a test's standard error to itself.
func progress() io.Writer {
	if st, err := os.Stderr.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		return os.Stderr
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return os.Stderr
	}
	return io.MultiWriter(os.Stderr, tty)
}

// removeOld removes agents that nobody has used for a month, and those of edited checkouts after two days.
func removeOld(dir, keep string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		p := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || strings.HasPrefix(p, keep) {
			continue
		}
		age := 30 * 24 * time.Hour
		if strings.HasPrefix(e.Name(), "agent-src-") {
			age = 48 * time.Hour
		}
		if time.Since(info.ModTime()) > age {
			_ = os.RemoveAll(p) // still running agents keep their file open
		}
	}
}
