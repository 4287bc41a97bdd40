//go:build linux

package volumes

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// volume describes a volume. users may be nil: then it looks for those of this one.
func (s *Service) volume(name string, users map[string][]User) (*container.Volume, error) {
	missing := api.Errorf(api.ErrNotFound, "volume %s: no such volume", name)
	if !names.Valid(name) {
		return nil, missing
	}
	st, err := os.Lstat(s.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	v := &container.Volume{Created: st.ModTime()}
	if b, err := os.ReadFile(s.file(name)); err == nil {
		if err := json.Unmarshal(b, v); err != nil {
			*v = container.Volume{Created: st.ModTime(), Damaged: "volume.json: " + err.Error()}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if users == nil {
		if users, err = s.cfg.Users(); err != nil {
			return nil, err
		}
	}
	v.Name, v.Path, v.Containers = name, s.Path(name), nil
	for _, u := range users[name] {
		v.Containers = append(v.Containers, u.ID)
	}
	return v, nil
}

func (s *Service) get(_ *http.Request, in api.Name) (*container.Volume, error) {
	return s.volume(in.Name, nil)
}

func (s *Service) list(*http.Request, wire.None) ([]container.Volume, error) { return s.all() }

// all describes the store's volumes, by name.
func (s *Service) all() ([]container.Volume, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, err
	}
	users, err := s.cfg.Users()
	if err != nil {
		return nil, err
	}
	out := []container.Volume{} // JSON: not null
	for _, e := range entries {
		v, err := s.volume(e.Name(), users)
		if errors.Is(err, api.ErrNotFound) {
			continue // half made or just removed
		}
		if err != nil {
			return nil, err
		}
		out = append(out, *v)
	}
	return out, nil
}
