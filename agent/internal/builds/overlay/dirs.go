//go:build linux

package overlay

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/images/layer"
)

// Dirs are the directories of a layer and those below it, the topmost first. ok is false where those directories are not the
// layers: where fuse mounts them, and where they are composefs's. "" has none.
func Dirs(s *layer.Store, id string) (dirs []string, ok bool, err error) {
	overlay := filepath.Join(s.Graph, "overlay")
	if b, err := os.ReadFile(filepath.Join(overlay, ".has-mount-program")); err == nil && strings.TrimSpace(string(b)) == "true" {
		return nil, false, nil
	}
	if id == "" {
		return nil, true, nil
	}
	driver, err := s.Storage.GraphDriver()
	if err != nil {
		return nil, false, err
	}
	md, err := driver.Metadata(id)
	if err != nil {
		return nil, false, err
	}
	dirs = []string{md["UpperDir"]}
	if md["LowerDir"] != "" {
		dirs = append(dirs, strings.Split(md["LowerDir"], ":")...)
	}
	for _, d := range dirs {
		st, err := os.Lstat(d)
		if err != nil || !st.IsDir() { // the store's path has a colon
			return nil, false, nil
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(d), "composefs-data")); !errors.Is(err, os.ErrNotExist) {
			return nil, false, nil
		}
	}
	return dirs, true, nil
}

// Touch gives all files below a directory that are younger than the epoch of a build its time.
func Touch(dir string, epoch time.Time) error {
	if epoch.IsZero() {
		return nil
	}
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !info.ModTime().After(epoch) {
			return err
		}
		return touch(unix.AT_FDCWD, p, epoch)
	})
}

func touch(dir int, name string, epoch time.Time) error {
	ts := unix.NsecToTimespec(epoch.UnixNano())
	err := unix.UtimesNanoAt(dir, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return &os.PathError{Op: "utimensat", Path: name, Err: err}
	}
	return nil
}
