package agentbin

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/flock"
)

// findCache finds the directory where agents are kept for all programs of the user.
func (f *finder) findCache() error {
	dir, err := os.UserCacheDir()
	if err != nil {
		return problemf("set XDG_CACHE_HOME to a directory that this user may write", "there is no cache directory: %v", err)
	}
	f.cache = filepath.Join(dir, "caisson")
	return nil
}

// cached is where the agent of a source is kept; empty for a source whose agents are not. What was built and what was
// downloaded have different names, so that an agent of a source that is not allowed is not used.
func (f *finder) cached(source string) string {
	kind := map[string]string{FromBuild: "agent-", FromDownload: "prebuilt-"}[source]
	if kind == "" || f.cache == "" {
		return ""
	}
	return filepath.Join(f.cache, kind+strings.ReplaceAll(f.src.Version, "/", "_")+"-"+f.arch)
}

// obtain downloads or builds an agent into the cache, once however many processes ask at the same time.
func (f *finder) obtain(ctx context.Context, source, path string) error {
	if err := os.MkdirAll(f.cache, 0o755); err != nil {
		return f.unwritable(err)
	}
	lock, err := f.lock(ctx, path+".lock")
	if err != nil {
		return f.unwritable(err)
	}
	defer lock.Unlock()
	if exists(path) {
		return nil // another process got it while this one waited
	}
	begin := time.Now()
	tmp, err := os.MkdirTemp(f.cache, ".build-")
	if err != nil {
		return f.unwritable(err)
	}
	defer os.RemoveAll(tmp)
	done := "built"
	if source == FromBuild {
		err = f.compile(ctx, tmp)
	} else {
		done = "downloaded"
		p, _ := f.pins.of(f.src.Version, f.arch)
		err = f.fetch(ctx, p, tmp)
	}
	if err != nil {
		return err
	}
	for _, suffix := range suffixes {
		if err := os.Rename(filepath.Join(tmp, program+suffix), path+suffix); err != nil {
			return err
		}
	}
	fmt.Fprintf(f.out, "caisson: %s the agent in %.1f s: %s\n", done, time.Since(begin).Seconds(), path)
	removeOld(f.cache, path)
	return nil
}

func (f *finder) unwritable(err error) error {
	return problemf("set XDG_CACHE_HOME to a directory that this user may write", "it can't be kept in %s: %v", f.cache, err)
}

// lock waits for another process that gets the agent, and says so.
func (f *finder) lock(ctx context.Context, path string) (*flock.Lock, error) {
	if l, err := flock.Try(path, flock.Exclusive); l != nil || err != nil {
		return l, err
	}
	fmt.Fprintln(f.out, "caisson: waiting for another process that gets the agent")
	return flock.Acquire(ctx, path, flock.Exclusive)
}

// touch marks an agent as used, for the clean-up of old ones.
func touch(path string) {
	if st, err := os.Stat(path); err == nil && time.Since(st.ModTime()) > 24*time.Hour {
		now := time.Now()
		for _, suffix := range suffixes {
			_ = os.Chtimes(path+suffix, now, now) // a read-only cache is not a reason to fail
		}
	}
}

// progress is standard error, and the terminal too where go test keeps a test's standard error to itself.
type progress struct {
	once sync.Once
	w    io.Writer
}

func (p *progress) Write(b []byte) (int, error) {
	p.once.Do(func() { p.w = terminal() })
	return p.w.Write(b)
}

func terminal() io.Writer {
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
