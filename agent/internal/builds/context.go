//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/untar"
	"github.com/caisson-dev/caisson/internal/api"
)

// findContext sets the directory that COPY and ADD see.
func (b *build) findContext(ctx context.Context, next func() (io.Reader, error)) error {
	switch {
	case b.req.HasTar:
		body, err := next()
		if err != nil {
			return err
		}
		b.context = filepath.Join(b.dir, "context")
		return unpackContext(ctx, "context", b.context, body)
	case b.req.Dir != "":
		st, err := os.Stat(b.req.Dir)
		if err == nil && !st.IsDir() {
			err = errors.New("not a directory")
		}
		if err != nil {
			return missingDir(b.req.Dir, err)
		}
		b.context = b.req.Dir
	default:
		b.context = filepath.Join(b.dir, "empty")
		return os.Mkdir(b.context, 0o755)
	}
	return nil
}

// unpackContext makes dir of a tar stream.
func unpackContext(ctx context.Context, what, dir string, body io.Reader) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := untar.Dir(ctx, dir, body); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("build: %w", context.Cause(ctx))
		}
		return fmt.Errorf("build: %s: %w", what, err)
	}
	return nil
}

// findDockerfile reads the Dockerfile and what leaves files of the context out. Neither may lead out of it by links.
func (b *build) findDockerfile() error {
	if err := b.readDockerfile(); err != nil {
		return err
	}
	names := []string{".dockerignore"}
	if b.req.DockerfileText == "" {
		names = []string{filepath.Clean(b.file) + ".dockerignore", ".dockerignore"}
	}
	var err error
	b.ignore, err = readIgnore(b.context, names...)
	return err
}

func (b *build) readDockerfile() error {
	if b.req.DockerfileText != "" {
		b.file, b.text = "Dockerfile", []byte(b.req.DockerfileText)
		return nil
	}
	names, wanted := []string{b.req.Dockerfile}, b.req.Dockerfile
	if b.req.Dockerfile == "" {
		wanted = "Dockerfile or Containerfile"
		names = []string{"Dockerfile", "dockerfile", "Containerfile"}
	}
	for _, n := range names {
		text, err := readIn(b.context, n, dockerfile.MaxSize)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if errors.Is(err, errLarge) {
			return api.Errorf(api.ErrDockerfile, "%s:1: %w: a Dockerfile has at most %d", n, err, dockerfile.MaxSize)
		}
		if err != nil {
			return api.Errorf(api.ErrInvalidArgument, "build: Dockerfile %s: %w: it must be a file in the context", n, err)
		}
		b.file, b.text = n, text
		return nil
	}
	return api.Errorf(api.ErrInvalidArgument, "build: no %s in the context: %w: set Dockerfile or DockerfileText", wanted, fs.ErrNotExist)
}

// readIgnore reads the first of the files that is there.
func readIgnore(dir string, names ...string) ([]string, error) {
	for _, n := range names {
		text, err := readIn(dir, n, dockerfile.MaxIgnore)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: %s: %w", n, err)
		}
		return dockerfile.ReadIgnore(n, text)
	}
	return nil, nil
}

// errLarge is of a file that is too large to be what it should be.
var errLarge = errors.New("the file is too large")

// readIn reads a regular file of a directory, which has at most so many bytes. It does not wait for the writer of a pipe.
func readIn(dir, name string, most int64) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(filepath.Clean(name), os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%w: it has %d bytes", errLarge, max(st.Size(), most+1))
	}
	return b, err
}
