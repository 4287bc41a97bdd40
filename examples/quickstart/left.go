package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// nothingLeft closes the story and looks at the machine: processes, mounts, also in other processes' namespaces,
// cgroups and directories.
func (s *story) nothingLeft(ctx context.Context) (string, error) {
	if err := s.reg.Close(); err != nil {
		return "", err
	}
	s.reg = nil
	if err := s.store.Destroy(ctx); err != nil {
		return "", err
	}
	s.store = nil
	procs, err1 := s.processes()
	mounts, err2 := s.mounts()
	groups, err3 := s.cgroups()
	var dirs []string
	for _, d := range []string{"store", "run"} {
		if _, err := os.Lstat(filepath.Join(s.dir, d)); err == nil {
			dirs = append(dirs, d)
		}
	}
	return "no process, mount, cgroup or directory", firstError(err1, err2, err3,
		check(len(procs) == 0, "no process is left: %v", procs), check(len(mounts) == 0, "no mount is left: %v", mounts),
		check(len(groups) == 0, "no cgroup is left: %v", groups), check(len(dirs) == 0, "no directory is left: %v", dirs))
}

// processes finds those of the containers by their token, and those of the agent by the store's directory.
func (s *story) processes() ([]string, error) {
	return grep("/proc/[0-9]*/environ", s.token, s.dir)
}

func (s *story) mounts() ([]string, error) { return grep("/proc/[0-9]*/mountinfo", s.dir) }

// grep returns the files that hold one of the texts. Files that can't be read belong to other users, or to processes
// that have just ended.
func grep(pattern string, texts ...string) ([]string, error) {
	files, err := filepath.Glob(pattern)
	var found []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for _, t := range texts {
			if bytes.Contains(b, []byte(t)) {
				found = append(found, fmt.Sprintf("%s has %s", f, t))
			}
		}
	}
	return found, err
}

// cgroups finds those that have a container's id in their name.
func (s *story) cgroups() ([]string, error) {
	var found []string
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // a cgroup that went while we looked, or that is not ours to see
		}
		for _, id := range s.ids {
			if strings.Contains(d.Name(), id) {
				found = append(found, path)
			}
		}
		return nil
	})
	return found, err
}
