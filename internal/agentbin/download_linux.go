package agentbin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// fetch downloads the module of a prebuilt agent, compares it with its pin and copies the binaries into a directory.
func (f *finder) fetch(ctx context.Context, p pin, tmp string) error {
	module := PrebuiltModule(f.arch)
	fmt.Fprintf(f.out, "caisson: downloading the agent %s (%.1f MB), once for this version\n", f.src.Version, megabytes(p.size))
	got, err := f.watched(ctx, module, p.size)
	if err != nil {
		return err
	}
	if got.Sum != p.sum {
		return f.tampered(module, got.Sum, p.sum)
	}
	sum, err := copyModule(got.Dir, tmp, module, f.src.Version)
	if err != nil {
		return err
	}
	if sum != p.sum { // what the go command has unpacked was changed since
		return f.tampered(module+" in "+got.Dir, sum, p.sum)
	}
	return nil
}

func (f *finder) tampered(what, got, want string) error {
	return refusal{problemf("ask who runs the module proxy that GOPROXY names, or set "+EnvSource+"=build to compile the agent",
		"%s@%s is not the agent that was released:\n  its sum is %s\n  it must be %s", what, f.src.Version, got, want)}
}

// copyModule copies the binaries of an unpacked module, and returns the sum of all its files: what is copied is what was
// summed.
func copyModule(dir, tmp, module, version string) (string, error) {
	files := map[string][sha256.Size]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		from, err := os.Open(path)
		if err != nil {
			return err
		}
		defer from.Close()
		h := sha256.New()
		if !slices.Contains(Names(), name) {
			_, err = io.Copy(h, from)
		} else {
			err = copyFile(io.TeeReader(from, h), filepath.Join(tmp, name))
		}
		files[filepath.ToSlash(name)] = [sha256.Size]byte(h.Sum(nil))
		return err
	})
	return hash1(module, version, files), err
}

func copyFile(from io.Reader, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}

// pollProgress is how often the size of what is downloaded is looked at.
const pollProgress = time.Second

// watched downloads a module and tells how much of it has come: the go command says nothing, and writes a temporary file
// into the module cache.
func (f *finder) watched(ctx context.Context, module string, size int64) (downloaded, error) {
	out, err := f.goTool.command(ctx, "/", "env", "GOMODCACHE").Output()
	if err != nil {
		return downloaded{}, problemf("", "go env: %v", err)
	}
	pattern := filepath.Join(strings.TrimSpace(string(out)), "cache", "download", filepath.FromSlash(module), "@v", f.src.Version+".zip*.tmp")
	done, watching := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watching)
		ticks := time.NewTicker(pollProgress)
		defer ticks.Stop()
		for last := int64(0); ; {
			select {
			case <-done:
				return
			case <-ticks.C:
			}
			if n := sizeOf(pattern); n > last {
				last = n
				fmt.Fprintf(f.out, "caisson: downloading the agent: %.1f of %.1f MB\n", megabytes(n), megabytes(size))
			}
		}
	}()
	got, err := f.goTool.download(ctx, module, f.src.Version)
	close(done)
	<-watching
	return got, err
}

// sizeOf is the size of the largest file of a pattern.
func sizeOf(pattern string) (size int64) {
	files, _ := filepath.Glob(pattern) // the pattern is well-formed but for an odd GOMODCACHE
	for _, p := range files {
		if st, err := os.Stat(p); err == nil {
			size = max(size, st.Size())
		}
	}
	return size
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
