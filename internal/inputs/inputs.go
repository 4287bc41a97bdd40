package inputs

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// MaxEntries is how many files and directories Tree looks at.
const MaxEntries = 10_000

// start is the directory that the go command has started the test in, whatever the test changes to.
var start, _ = os.Getwd()

// recording says whether the go command keeps the result of this test binary.
func recording() bool {
	f := flag.Lookup("test.testlogfile")
	return f != nil && f.Value.String() != ""
}

// root is the root of the test's module.
var root = sync.OnceValue(func() string {
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
})

// noted is the path by which the go command takes note of a file. It compares paths with the module's root as they are
// written, so a path that begins with the root and goes up from there counts.
func noted(root, path string) string {
	if root == "" || path == root || strings.HasPrefix(path, root+string(filepath.Separator)) {
		return path
	}
	resolved, err := filepath.EvalSymlinks(root)
	if err != nil || filepath.VolumeName(resolved) != filepath.VolumeName(path) {
		return path
	}
	volume := filepath.VolumeName(path)
	sep := string(filepath.Separator)
	return root + strings.Repeat(sep+"..", strings.Count(resolved[len(volume):], sep)) + path[len(volume):]
}

// File notes a file, also one that does not exist yet.
func File(path string) {
	if !recording() {
		return
	}
	if abs, err := filepath.Abs(path); err == nil {
		file(abs)
	}
}

func file(abs string) {
	at := noted(root(), abs)
	// An open of a file has the go command not keep the result while the file is so new that a change need not be seen. An
	// open of anything else may block.
	if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() {
		if f, err := os.Open(at); err == nil {
			f.Close()
		}
	}
}

// Tree notes a file, or a directory with what is below it, up to MaxEntries entries. Their content is not read: a change
// is seen by the size, the mode and the time of modification.
func Tree(path string) {
	if !recording() {
		return
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return
	}
	tree(abs)
	if to, err := filepath.EvalSymlinks(abs); err == nil && to != abs {
		tree(to)
	}
}

func tree(abs string) {
	n := 0
	_ = filepath.WalkDir(abs, func(path string, _ fs.DirEntry, err error) error {
		_, _ = os.Lstat(noted(root(), path)) // what does not exist is noted, too
		if n++; n >= MaxEntries {
			return fs.SkipAll
		}
		if err != nil {
			return fs.SkipDir
		}
		return nil
	})
}

// FS notes what is in a file system, if it is a directory of this machine, such as that of os.DirFS.
func FS(fsys fs.FS) {
	if !recording() || fsys == nil {
		return
	}
	f, err := fsys.Open(".")
	if err != nil {
		return
	}
	defer f.Close()
	if dir, ok := f.(*os.File); ok {
		Tree(dir.Name())
	}
}
