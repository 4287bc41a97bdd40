package release

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	modzip "golang.org/x/mod/zip"
)

// file is a file of a module; text stands in for the content on disk where it is set.
type file struct {
	path string // in the module, with slashes
	disk string
	text []byte
}

// Path implements zip.File.
func (f file) Path() string { return f.path }

// Lstat implements zip.File.
func (f file) Lstat() (fs.FileInfo, error) {
	info, err := os.Lstat(f.disk)
	if err == nil && f.text != nil {
		return textInfo{info, int64(len(f.text))}, nil
	}
	return info, err
}

// Open implements zip.File.
func (f file) Open() (io.ReadCloser, error) {
	if f.text != nil {
		return io.NopCloser(strings.NewReader(string(f.text))), nil
	}
	return os.Open(f.disk)
}

// textInfo is a file's info with the size of the text that stands in for its content.
type textInfo struct {
	fs.FileInfo
	size int64
}

func (i textInfo) Size() int64 { return i.size }

// files lists what belongs to the module in a directory of a checkout: what git has or would add, without what it ignores.
// Without git it is all but directories whose name begins with a dot, and bin. Nested modules are left out later.
func files(dir string) ([]modzip.File, error) {
	names, err := tracked(dir)
	if err != nil {
		names, err = walk(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", dir, err)
	}
	var list []modzip.File
	for _, name := range names {
		disk := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(disk); err == nil { // git lists what has been removed, too
			list = append(list, file{path: name, disk: disk})
		}
	}
	return list, nil
}

func tracked(dir string) ([]string, error) {
	// The checkout may be another user's.
	cmd := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}

func walk(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin") {
			return fs.SkipDir
		}
		if !d.IsDir() {
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	return names, err
}
