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
	"strings"

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

// findDockerfile reads and checks the Dockerfile, which must not lead out of the context by links.
func (b *build) findDockerfile() error {
	text, err := b.readDockerfile()
	if err != nil {
		return err
	}
	if b.tree, err = parseDockerfile(b.name, text, &b.req); err != nil {
		return err
	}
	// Written anew: what is built is what was checked, and buildah would run cpp on a name with .in.
	b.file, b.text = filepath.Join(b.dir, "Dockerfile"), b.tree.edited(b.tree.withShell(text))
	if err := b.copyIgnore(); err != nil {
		return err
	}
	b.out.setTree(b.tree)
	return b.stage()
}

func (b *build) readDockerfile() ([]byte, error) {
	if b.req.DockerfileText != "" {
		b.name = "Dockerfile"
		return []byte(b.req.DockerfileText), nil
	}
	names := []string{b.req.Dockerfile}
	if b.req.Dockerfile == "" {
		names = []string{"Dockerfile", "Containerfile"}
	}
	for _, n := range names {
		f, err := os.OpenInRoot(b.context, filepath.Clean(n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: Dockerfile %s: %w: it must be a file in the context", n, err)
		}
		defer f.Close()
		if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: Dockerfile %s is not a regular file", n)
		}
		b.name = n
		return io.ReadAll(io.LimitReader(f, maxDockerfile))
	}
	return nil, api.Errorf(api.ErrInvalidArgument, "build: no %s in the context: %w: set Dockerfile or DockerfileText", strings.Join(names, " or "), fs.ErrNotExist)
}

// maxDockerfile bounds what is read; a Dockerfile of more bytes is none.
const maxDockerfile = 16 << 20

// copyIgnore puts NAME.dockerignore beside the copy of the Dockerfile, where it goes before the context's own.
func (b *build) copyIgnore() error {
	if b.req.DockerfileText != "" {
		return nil
	}
	f, err := os.OpenInRoot(b.context, filepath.Clean(b.name)+".dockerignore")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return api.Errorf(api.ErrInvalidArgument, "build: %s.dockerignore: %w", b.name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDockerfile))
	if err != nil {
		return err
	}
	return os.WriteFile(b.file+".dockerignore", text, 0o600)
}
