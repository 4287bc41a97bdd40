package client

import (
	"bufio"
	"bytes"
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
	unlock, err := lockBuild(path+".lock", out)
	if err != nil {
		return err
	}
	defer unlock()
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

// compile builds from the module's directory with the module's own go.sum, or by version where there is none.
func compile(goTool string, src version.Source, tmp string, out io.Writer) (string, error) {
	target := filepath.Join(tmp, "caisson-agent")
	ldflags := "-s -w -X " + version.Module + "/internal/version.build=" + src.Version
	dir := src.Dir
	if dir == "" {
		dir = listDir(goTool)
	}
	args := []string{"build", "-v", "-buildvcs=false", "-tags", BuildTags, "-ldflags", ldflags, "-o", tmp + "/"}
	for _, suffix := range suffixes {
		args = append(args, "./cmd/caisson-agent"+suffix)
	}
	mod := "GOFLAGS=-mod=readonly"
	if dir == "" {
		if !src.Release {
			return "", errNoSource
		}
		args = []string{"install", "-v", "-trimpath", "-tags", BuildTags, "-ldflags", ldflags}
		for _, suffix := range suffixes {
			args = append(args, version.Module+"/cmd/caisson-agent"+suffix+"@"+src.Version)
		}
		mod, dir = "GOFLAGS=", tmp
	}
	cmd := exec.Command(goTool, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), mod, "CGO_ENABLED=1", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GOBIN="+tmp, "GO111MODULE=on", "PWD="+dir)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	tail := watch(stderr, out)
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("go %s in %s: %w\n%s", args[0], dir, err, tail)
	}
	return target, nil
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

func listDir(goTool string) string {
	out, err := exec.Command(goTool, "list", "-m", "-f", "{{.Dir}}", version.Module).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
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
func lockBuild(path string, out io.Writer) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		fmt.Fprintln(out, "caisson: waiting for another process that builds the agent")
		for {
			if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return func() { f.Close() }, nil
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
