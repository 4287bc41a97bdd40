// Package version says which version of caisson a binary holds, and where its source is.
package version

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// Module is the path of the module that programs import; AgentModule that of the agent's, which has the same version.
const (
	Module      = "github.com/caisson-dev/caisson"
	AgentModule = Module + "/agent"
)

// Devel is the version of a checkout whose source is not known.
const Devel = "devel"

// build is set by the linker for agents that a client builds on demand.
var build string

// Linked is true in a binary that has the agent linked in. Package agent sets it.
var Linked bool

// Agent returns the version of this binary seen as an agent.
func Agent() string {
	if build != "" {
		return build
	}
	v, _, _ := recorded()
	return v
}

// Matches returns an error if the binary at path was not built of this binary's source.
func Matches(path string) error {
	theirs, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	ours, ok := debug.ReadBuildInfo()
	if !ok {
		return fmt.Errorf("%s: this binary has no build information to compare", path)
	}
	a, b := built(ours), built(theirs)
	if a != b {
		return fmt.Errorf("%s is of another version: it is %s, and this is %s", path, b, a)
	}
	return nil
}

// built is what tells two sources apart: the version that an on-demand build has in its linker's flags, the module's, and
// the commit.
func built(info *debug.BuildInfo) string {
	s := info.Main.Path + "@" + info.Main.Version
	for _, set := range info.Settings {
		switch set.Key {
		case "-ldflags", "-tags", "vcs.revision", "vcs.modified":
			s += " " + set.Key + "=" + set.Value
		}
	}
	return s
}

// recorded returns the module's version from the build information, whether it is a published one, and whether the
// information names the module at all: that of a test binary names no dependencies.
func recorded() (v string, published, found bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Devel, false, false
	}
	mods := append([]*debug.Module{&info.Main}, info.Deps...)
	for _, m := range mods {
		if m.Path != Module {
			continue
		}
		if m.Replace != nil || m.Version == "" || m.Version == "(devel)" || strings.Contains(m.Version, "+dirty") || m == &info.Main && m.Sum == "" {
			return Devel, false, true
		}
		return m.Version, true, true
	}
	return Devel, false, false
}

// Source is what a client knows of the module it was compiled from.
type Source struct {
	Version string // a published version, or "src-" and a hash of the source
	Dir     string // the module's directory; empty when it is not on this machine
	Release bool   // Version is published
}

// Client returns the version that an agent must have to serve this binary.
var Client = sync.OnceValues(func() (Source, error) {
	_, file, _, _ := runtime.Caller(0)
	at := locate(filepath.ToSlash(file), os.ReadFile)
	s := Source{Version: Devel}
	if at.dir != "" {
		if _, err := os.Stat(filepath.Join(at.dir, "go.mod")); err == nil {
			s.Dir = at.dir
		}
	}
	v, published, found := recorded()
	switch {
	case published:
		s.Version, s.Release = v, true
		return s, nil
	case !found && at.version != "":
		s.Version, s.Release = at.version, true
		return s, nil
	case s.Dir == "":
		return s, nil
	}
	return SourceIn(s.Dir)
})

// SourceIn is the source in a directory, as it is now.
func SourceIn(dir string) (Source, error) {
	h, err := hashSource(dir)
	if err != nil {
		return Source{Version: Devel, Dir: dir}, fmt.Errorf("hash the source of %s: %w", Module, err)
	}
	return Source{Version: "src-" + h, Dir: dir}, nil
}

// hashSource hashes what the agent is compiled from: an edit of a test or of an example makes no new agent.
func hashSource(dir string) (string, error) {
	h := sha256.New()
	for _, top := range []string{"go.mod", "go.sum", "agent", "internal", "image", "container", "registry"} {
		err := filepath.WalkDir(filepath.Join(dir, top), func(p string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "bench"):
				return fs.SkipDir
			case d.IsDir() || strings.HasSuffix(p, "_test.go") || !d.Type().IsRegular():
				return nil
			}
			f, err := os.Open(p)
			if err != nil {
				return err
			}
			defer f.Close()
			rel, _ := filepath.Rel(dir, p)
			fmt.Fprintf(h, "%s\n", filepath.ToSlash(rel))
			_, err = io.Copy(h, f)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
