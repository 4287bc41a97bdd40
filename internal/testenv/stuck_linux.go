package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A run of the tests as another user takes two minutes; one that takes runLimit hangs.
const runLimit = 12 * time.Minute

// Run runs a command of AsUser's and returns what it printed. The test fails if it hangs, with what its processes wait
// for, and if a process that outlives the tests holds their output.
func Run(t testing.TB, cmd *exec.Cmd) []byte {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 30 * time.Second // for what the tests have left
	must(t, cmd.Start())
	limit := runLimit
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if at, ok := d.Deadline(); ok {
			limit = min(limit, time.Until(at)-time.Minute)
		}
	}
	stuck := make(chan string, 1)
	timer := time.AfterFunc(limit, func() {
		stuck <- processesOf(cmd.SysProcAttr.Credential.Uid, filepath.Dir(cmd.Path))
		_ = cmd.Process.Kill() // SIGQUIT has ended it, or will not
	})
	err := cmd.Wait()
	if !timer.Stop() {
		told := <-stuck
		t.Fatalf("%s\nthe tests hang after %s: %v\n%s", out.Bytes(), limit, err, told)
	}
	t.Logf("%s", out.Bytes())
	if errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("processes outlive the tests:\n%s", processesOf(cmd.SysProcAttr.Credential.Uid, filepath.Dir(cmd.Path)))
	}
	must(t, err)
	return out.Bytes()
}

// processesOf tells where the processes of a user stand. Go programs out of dir end by it, and tell what all their
// goroutines do: those that have an agent's file of last words do so here, the others on their standard error.
func processesOf(uid uint32, dir string) string {
	var b strings.Builder
	var words []*os.File
	for _, proc := range processes(uid) {
		file := func(name string) string {
			text, err := os.ReadFile(filepath.Join(proc, name))
			if err != nil {
				return err.Error()
			}
			return strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " "))
		}
		exe, _ := os.Readlink(filepath.Join(proc, "exe"))
		fmt.Fprintf(&b, "%s: %s (%s)\n%s\n%s\n\n", proc, exe, file("cmdline"), file("stat"), file("stack"))
		if filepath.Dir(exe) != dir {
			continue
		}
		stderr := filepath.Join(proc, "fd/2")
		if to, err := os.Readlink(stderr); err == nil && strings.HasPrefix(to, "/memfd:") {
			if f, err := os.Open(stderr); err == nil {
				words = append(words, f)
			}
		}
		if pid, err := strconv.Atoi(filepath.Base(proc)); err == nil {
			_ = unix.Kill(pid, unix.SIGQUIT)
		}
	}
	time.Sleep(5 * time.Second) // for the writing: a failure that is told late is better than one that is not
	for _, f := range words {
		text, err := io.ReadAll(f)
		fmt.Fprintf(&b, "an agent's last words (%v):\n%s\n", err, text)
		f.Close()
	}
	return b.String()
}

// processes are the directories in /proc of a user's processes, also those in user namespaces of its own.
func processes(uid uint32) []string {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var own []string
	for _, dir := range dirs {
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err == nil && strings.Contains(string(status), fmt.Sprintf("\nUid:\t%d\t", uid)) {
			own = append(own, dir)
		}
	}
	return own
}
