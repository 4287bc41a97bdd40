//go:build linux

package work

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/agent/internal/builds/files"
	"github.com/caisson-dev/caisson/agent/internal/builds/remote"
	"github.com/caisson-dev/caisson/internal/api"
)

// HTTP is a file to be downloaded.
type HTTP struct {
	URL      string
	Checksum digest.Digest // that it must have; "": any
	Client   *http.Client  // nil: http.DefaultClient
}

// HTTP downloads a file. It has the mode 0600, and the time that the server gives it.
//
// Errors: those of remote.File.Download.
func (w *Worker) HTTP(ctx context.Context, h HTTP) (*Source, error) {
	dir, err := w.temp("download")
	if err != nil {
		return nil, err
	}
	done := func() error { return removeAll(dir) }
	if err := (remote.File{URL: h.URL, Checksum: h.Checksum, Client: h.Client}).Download(ctx, dir); err != nil {
		return nil, errors.Join(err, done())
	}
	return w.newSource(&Source{dir: dir, name: remote.Name(h.URL), literal: true}, files.TreeOptions{RootOwned: true}, done)
}

// Git is a repository to be cloned.
type Git struct {
	Remote     string // a URL, or USER@HOST:PATH
	Ref        string // a branch, a tag or a commit; "": the default branch
	Subdir     string // of the repository; "": all of it
	Checksum   string // the commit, or its beginning, that Ref must lead to
	KeepGitDir bool
	SSH        string // the socket of an SSH agent; "": none
	NoSub      bool   // without submodules
}

// Git clones a repository, of which Copy takes all that is in it.
//
// Errors: those of remote.Repository.Clone; *MissingError for the subdirectory.
func (w *Worker) Git(ctx context.Context, g Git) (_ *Source, err error) {
	base, err := w.temp("git")
	if err != nil {
		return nil, err
	}
	done := func() error { return removeAll(base) }
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
		}
	}()
	dir := filepath.Join(base, "files")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	r := remote.Repository{Remote: g.Remote, Ref: g.Ref, Checksum: g.Checksum, KeepGit: g.KeepGitDir, NoSub: g.NoSub, SSH: g.SSH}
	commit, err := r.Clone(ctx, dir)
	if err != nil {
		return nil, err
	}
	s := &Source{dir: dir, name: "/", literal: true}
	if g.KeepGitDir { // git notes times in its files
		s.fixed = digest.FromString("git " + commit + " " + g.Subdir)
	}
	if g.Subdir != "" {
		if s.dir, err = subdir(dir, g.Subdir); err != nil {
			return nil, err
		}
	}
	return w.newSource(s, files.TreeOptions{RootOwned: true}, done)
}

// subdir is a directory of a repository, without links on the way that lead out.
func subdir(dir, name string) (string, error) {
	t, err := files.OpenTree(dir, files.TreeOptions{})
	if err != nil {
		return "", err
	}
	defer t.Close()
	at, isDir, err := t.Path(name)
	if err == nil && !isDir {
		err = api.Errorf(api.ErrInvalidArgument, "%s: it is not a directory of the repository", name)
	}
	return at, err
}
