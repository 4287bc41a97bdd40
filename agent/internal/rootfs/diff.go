//go:build linux

package rootfs

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// Diff is what a container has changed in its file system.
func Diff(st Store, id string) ([]container.Change, error) {
	c, err := st.Container(id)
	if err != nil {
		return nil, layerError(id, err)
	}
	changes, err := st.Changes("", c.LayerID)
	if err != nil {
		return nil, layerError(id, err)
	}
	return visible(changes), nil
}

func layerError(id string, err error) error {
	if errors.Is(err, storage.ErrContainerUnknown) || errors.Is(err, storage.ErrLayerUnknown) {
		return api.Errorf(api.ErrNotFound, "container %s: no such container", id)
	}
	return fmt.Errorf("compare container %s with its image: %w", names.Short(id), err)
}

// visible leaves out what only is there for the engine's mounts, and the directories that changed by that alone.
func visible(changes []archive.Change) []container.Change {
	kinds := map[archive.ChangeType]container.ChangeKind{
		archive.ChangeAdd: container.ChangeAdded, archive.ChangeModify: container.ChangeModified, archive.ChangeDelete: container.ChangeDeleted,
	}
	left := map[string]bool{}   // directories with a change that is told
	ours := map[string]bool{}   // directories with one that is not
	out := []container.Change{} // JSON: not null
	for _, c := range changes {
		if c.Path == "/" {
			continue
		}
		into := left
		if mountPoint(c.Path) && c.Kind != archive.ChangeDelete {
			into = ours
		} else {
			out = append(out, container.Change{Kind: kinds[c.Kind], Path: c.Path})
		}
		into[path.Dir(c.Path)] = true
	}
	out = slices.DeleteFunc(out, func(c container.Change) bool {
		return ours[c.Path] && !left[c.Path] && c.Kind != container.ChangeDeleted
	})
	slices.SortFunc(out, func(a, b container.Change) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// mountPoint says whether a path is one that the engine mounts something on in every container, or is below one. What
// is seen of it in a layer was made to mount on.
func mountPoint(p string) bool {
	switch p {
	case "/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/sbin/caisson-init":
		return true
	}
	for _, dir := range []string{"/dev", "/proc", "/sys"} {
		if p == dir || strings.HasPrefix(p, dir+"/") {
			return true
		}
	}
	return false
}
