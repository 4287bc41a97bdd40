//go:build linux

package containers

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
)

var nameRE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$`) }) // Docker's, and no longer than a file's name may be

func newID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (s *Service) namePath(name string) string {
	return filepath.Join(s.layout.Root, "names", name)
}

// claimName makes a symbolic link name → id: the link is the index, and its creation is atomic.
func (s *Service) claimName(name, id string) error {
	path := s.namePath(name)
	for range 100 {
		err := os.Symlink(id, path)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return err
		}
		holder, err := os.Readlink(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := os.Lstat(s.dir(holder)); err == nil {
			return api.Errorf(api.ErrNameInUse, "container name %q: container %s has it: remove or rename that one, or choose another name", name, short(holder))
		}
		// Its container went in a crash. Two that see this at once: one's Symlink wins.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return api.Errorf(api.ErrNameInUse, "container name %q: others take it again and again", name)
}

// dropName removes the link if it still is this container's.
func (s *Service) dropName(name, id string) error {
	holder, err := os.Readlink(s.namePath(name))
	if err != nil || holder != id {
		return nil // gone, or another's by now
	}
	err = os.Remove(s.namePath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// madeUpName is two words, as Docker's, and a number that makes a second try almost never needed.
func madeUpName() string {
	return adjectives[pick(len(adjectives))] + "_" + nouns[pick(len(nouns))] + "_" + hex.EncodeToString([]byte{byte(pick(256)), byte(pick(256))})
}

func pick(n int) int {
	i, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // never fails
	return int(i.Int64())
}

var adjectives = strings.Fields("airy amber bold brisk calm clear crisp dry eager early even fair fast fine firm fresh glad grand keen kind light lucid merry mild neat noble quick quiet rapid ready sharp silent sleek smart solid sound stable steady still stout sunny swift tidy warm wise")

var nouns = strings.Fields("anchor barge basin beacon bollard breakwater bridge buoy canal capstan causeway culvert dam davit dock dredger dyke estuary ferry fjord float gate girder harbor hull jetty keel keystone levee lighthouse lock mast mole mooring pier pile pontoon port pylon quay reef rudder sluice tide tug viaduct wharf winch")

// lookup finds a container by name, id or a prefix of its id.
func (s *Service) lookup(ref string) (string, error) {
	if ref == "" {
		return "", api.Errorf(api.ErrInvalidArgument, "container: the name or id is empty")
	}
	if strings.ContainsAny(ref, "/\x00") || ref == "." || ref == ".." {
		return "", notFound(ref)
	}
	if id, err := os.Readlink(s.namePath(strings.TrimPrefix(ref, "/"))); err == nil && s.exists(id) {
		return id, nil
	}
	if len(ref) == 64 {
		if s.exists(ref) {
			return ref, nil
		}
		return "", notFound(ref)
	}
	entries, err := os.ReadDir(s.layout.Containers())
	if err != nil {
		return "", err
	}
	found := ""
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ref) || !s.exists(e.Name()) {
			continue
		}
		if found != "" {
			return "", api.Errorf(api.ErrAmbiguous, "container %s: several ids begin with it: give more digits", ref)
		}
		found = e.Name()
	}
	if found == "" {
		return "", notFound(ref)
	}
	return found, nil
}

// exists is false for a directory whose container is only half made.
func (s *Service) exists(id string) bool {
	_, err := os.Lstat(filepath.Join(s.dir(id), "state.json"))
	return err == nil
}

func short(id string) string { return id[:min(12, len(id))] }
