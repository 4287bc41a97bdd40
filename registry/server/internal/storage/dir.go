package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

// staleTemp is the age at which a temporary file is a dead process's: one is written in milliseconds.
const staleTemp = 10 * time.Minute

// Dir is a store in a directory:
//
//	blobs/sha256/ab/abcd…                content, under its digest, shared by all repositories
//	repos/NAME/_blobs/sha256/abcd…       an empty file: the repository has the blob
//	repos/NAME/_manifests/sha256/abcd…   the manifest's media type: the repository has the manifest
//	repos/NAME/_tags/TAG                 the digest that the tag names
//	repos/NAME/_referrers/…              an empty file for each manifest that has a subject
//	repos/NAME/_uploads/ID               an upload under way
//	tmp/                                 files on their way to the above
//	lock                                 held shared by writers, exclusively by Collect
//	lock.next                            held by the next one to get the lock
//
// A name component can't begin with an underscore, so no repository collides with these. All that appears under a
// final name is whole and synced: it was written elsewhere, synced, and renamed.
type Dir struct {
	*ociregistry.Funcs
	root string
	o    Options

	gate    sync.RWMutex // this process's part of the lock file
	mu      sync.Mutex
	uploads map[string]*dirUpload
	swept   map[string]time.Time // when dead uploads of a repository were last looked for
}

var _ Store = (*Dir)(nil)

// OpenDir opens or makes a store in a directory, and removes temporary files of dead processes.
func OpenDir(root string, o Options) (*Dir, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	d := &Dir{root: root, o: o, uploads: map[string]*dirUpload{}, swept: map[string]time.Time{}}
	for _, dir := range []string{"blobs", "repos", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			return nil, err
		}
	}
	return d, d.removeStaleTemp()
}

// Close does nothing: between requests the store holds nothing open.
func (d *Dir) Close() error { return nil }

func (d *Dir) lockPath() string { return filepath.Join(d.root, "lock") }

func (d *Dir) removeStaleTemp() error {
	entries, err := os.ReadDir(filepath.Join(d.root, "tmp"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > staleTemp {
			err = os.Remove(filepath.Join(d.root, "tmp", e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// shared keeps Collect out, here and in other processes, until the returned function is called.
func (d *Dir) shared() (func(), error) {
	d.gate.RLock()
	lock, err := d.lock(flock.Shared)
	if err != nil {
		d.gate.RUnlock()
		return nil, err
	}
	return func() { lock.Unlock(); d.gate.RUnlock() }, nil
}

// exclusive keeps all writers out until the returned function is called.
func (d *Dir) exclusive() (func(), error) {
	d.gate.Lock()
	lock, err := d.lock(flock.Exclusive)
	if err != nil {
		d.gate.Unlock()
		return nil, err
	}
	return func() { lock.Unlock(); d.gate.Unlock() }, nil
}

// lock takes the lock of all processes. One waits for it while holding the turnstile, which keeps later ones out: else
// writers whose times overlap could hold it for ever between them, and Collect would never get it.
func (d *Dir) lock(m flock.Mode) (*flock.Lock, error) {
	ctx := context.Background()
	turnstile, err := flock.Acquire(ctx, d.lockPath()+".next", flock.Exclusive)
	if err != nil {
		return nil, err
	}
	defer turnstile.Unlock()
	return flock.Acquire(ctx, d.lockPath(), m)
}

func (d *Dir) blobPath(dig ociregistry.Digest) string {
	hex := dig.Encoded()
	return filepath.Join(d.root, "blobs", string(dig.Algorithm()), hex[:2], hex)
}

func (d *Dir) repoPath(repo string, elem ...string) string {
	parts := append([]string{d.root, "repos", filepath.FromSlash(repo)}, elem...)
	return filepath.Join(parts...)
}

func (d *Dir) linkPath(repo, kind string, dig ociregistry.Digest) string {
	return d.repoPath(repo, kind, string(dig.Algorithm()), dig.Encoded())
}

// known fails with ociregistry.ErrNameUnknown when the repository is not there.
func (d *Dir) known(repo string) error {
	if err := CheckRepository(repo); err != nil {
		return err
	}
	for _, kind := range []string{"_manifests", "_blobs"} {
		if exists(d.repoPath(repo, kind)) {
			return nil
		}
	}
	return ociregistry.ErrNameUnknown
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// mkdir makes a directory and its parents, each synced into its parent so that a power cut can't lose it.
func (d *Dir) mkdir(dir string) error {
	if exists(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := d.mkdir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return atomicfile.SyncDir(parent)
}

// writeFile puts data at path: whole or not at all.
func (d *Dir) writeFile(path string, data []byte) error {
	if err := d.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	return atomicfile.Write(path, data, atomicfile.Options{Sync: true, TempDir: filepath.Join(d.root, "tmp")})
}

func (d *Dir) moveInto(from, path string) error {
	if err := d.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Rename(from, path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// touch makes an empty file, or renews the time of one, which Collect looks at.
func (d *Dir) touch(path string) error {
	if now := time.Now(); os.Chtimes(path, now, now) == nil {
		return nil
	}
	if err := d.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// remove is os.Remove, and fs.ErrNotExist is not an error.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// digests lists the digests under dir/ALGORITHM/HEX.
func digests(dir string) ([]ociregistry.Digest, error) {
	algorithms, err := readDir(dir)
	if err != nil {
		return nil, err
	}
	var all []ociregistry.Digest
	for _, a := range algorithms {
		entries, err := readDir(filepath.Join(dir, a))
		if err != nil {
			return nil, err
		}
		for _, hex := range entries {
			if dig := digest.NewDigestFromEncoded(digest.Algorithm(a), hex); dig.Validate() == nil {
				all = append(all, dig)
			}
		}
	}
	return all, nil
}

// readDir lists names; a directory that is not there is empty.
func readDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
