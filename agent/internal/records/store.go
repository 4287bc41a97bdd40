//go:build linux

package records

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
)

// The files of a container's directory.
const (
	recordFile = "config.json"
	stateFile  = "state.json"
	// SpecFile is a spec.Modification, which few have.
	SpecFile = "spec.json"
)

// Store is the records of one store.
type Store struct {
	dir   string // has a directory for each container
	names string // has a link for each name
	lock  string // the file that is locked to take a name from a container that is gone
	cache cache

	// Full is called when the disk has no room for a file of a container, before another try. It may be nil.
	Full func()
}

// Open opens the records in dir, with the names in names, which is made when missing. Agents lock the file at lock.
func Open(dir, names, lock string) (*Store, error) {
	if err := os.MkdirAll(names, 0o700); err != nil {
		return nil, err
	}
	return &Store{dir: dir, names: names, lock: lock, cache: cache{records: map[string]cached[Record]{}, states: map[string]cached[State]{}}}, nil
}

// Dir is the directory of a container.
func (s *Store) Dir(id string) string { return filepath.Join(s.dir, id) }

// Path is a file of a container.
func (s *Store) Path(id, name string) string { return filepath.Join(s.dir, id, name) }

// IDs are those of all containers, also of those that are being made and removed.
func (s *Store) IDs() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.Name()
	}
	return ids, nil
}

// All are the records of all containers, also of those that are being made. Those that are damaged are left out.
func (s *Store) All() ([]*Record, error) {
	ids, err := s.IDs()
	if err != nil {
		return nil, err
	}
	var all []*Record
	for _, id := range ids {
		rec, err := s.Record(id)
		if errors.Is(err, api.ErrNotFound) || errors.Is(err, api.ErrCorrupt) {
			continue // half made, just removed, or not known any more
		}
		if err != nil {
			return nil, err
		}
		all = append(all, rec)
	}
	return all, nil
}

// NetworkUsers are the networks that containers are on or would join, each with the name of one of them.
func (s *Store) NetworkUsers() (map[string]string, error) {
	all, err := s.All()
	users := map[string]string{}
	for _, rec := range all {
		for _, ep := range rec.Options.Networking.Endpoints {
			users[ep.Network] = rec.Name
		}
	}
	return users, err
}

// CreatedAt is when a container was created, and zero for no container.
func (s *Store) CreatedAt(ref string) (time.Time, error) {
	if ref == "" {
		return time.Time{}, nil
	}
	id, err := s.Lookup(ref)
	if err != nil {
		return time.Time{}, err
	}
	rec, err := s.Record(id)
	if err != nil {
		return time.Time{}, err
	}
	return rec.Created, nil
}

// Exists is false for a directory whose container is only half made.
func (s *Store) Exists(id string) bool {
	return s.Has(id, stateFile)
}

// Has says whether a container has a file.
func (s *Store) Has(id, name string) bool {
	_, err := os.Lstat(s.Path(id, name))
	return err == nil
}

// Record reads what a container is. Errors: api.ErrNotFound, api.ErrCorrupt.
func (s *Store) Record(id string) (*Record, error) {
	var r Record
	return &r, s.Load(id, recordFile, &r)
}

// State reads what has become of it. Errors: api.ErrNotFound, api.ErrCorrupt.
func (s *Store) State(id string) (*State, error) {
	var st State
	return &st, s.Load(id, stateFile, &st)
}

// Load reads a file of a container as JSON. Errors: api.ErrNotFound, api.ErrCorrupt.
func (s *Store) Load(id, name string, v any) error {
	b, err := os.ReadFile(s.Path(id, name))
	if errors.Is(err, fs.ErrNotExist) {
		return NotFound(id)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return api.Errorf(api.ErrCorrupt, "container %s: its file %s is damaged: %w: remove the container", id, name, err)
	}
	return nil
}

// SaveRecord writes the record.
func (s *Store) SaveRecord(rec *Record) error { return s.Save(rec, recordFile, rec) }

// SaveState writes what has become of the container. The first time makes it one that exists.
func (s *Store) SaveState(rec *Record, st *State) error {
	saved := *st
	saved.Durable = rec.Durable()
	return s.Save(rec, stateFile, &saved)
}

// Save writes a file of the container as JSON.
func (s *Store) Save(rec *Record, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	write := func() error {
		return atomicfile.Write(s.Path(rec.ID, name), b, atomicfile.Options{Sync: rec.Durable()})
	}
	if err = write(); s.Full != nil && diskspace.IsFull(err) {
		s.Full()
		err = write()
	}
	return err
}

// Sync puts the names and the directories of containers on disk.
func (s *Store) Sync() error {
	return errors.Join(atomicfile.SyncDir(s.names), atomicfile.SyncDir(s.dir))
}

// Unmake makes a container one that does not exist any more. What is left of it is for the clean-up.
func (s *Store) Unmake(id string) error {
	err := os.Remove(s.Path(id, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Remove removes all files of the container. Another agent that tries its lock makes the file again meanwhile.
func (s *Store) Remove(id string) (err error) {
	for range 100 {
		if err = os.RemoveAll(s.Dir(id)); !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
	}
	return err
}

// NotFound says that there is no such container.
func NotFound(ref string) error {
	return api.Errorf(api.ErrNotFound, "container %s: no such container", ref)
}
