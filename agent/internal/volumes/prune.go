//go:build linux

package volumes

import (
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

func (s *Service) prune(r *http.Request, opts container.PruneVolumesOptions) (container.PruneResult, error) {
	var res container.PruneResult
	lock, err := s.lock(r.Context(), flock.Exclusive)
	if err != nil {
		return res, err
	}
	defer lock.Unlock()
	all, err := s.all()
	if err != nil {
		return res, err
	}
	for _, v := range all {
		if !prunable(v, opts) {
			continue
		}
		size := diskspace.Usage(v.Path)
		if err := s.erase(v.Name); err != nil {
			return res, err
		}
		res.Deleted = append(res.Deleted, v.Name)
		res.Space += size
	}
	return res, atomicfile.SyncDir(s.cfg.Dir)
}

// prunable says whether a volume is among those that a prune removes.
func prunable(v container.Volume, opts container.PruneVolumesOptions) bool {
	return len(v.Containers) == 0 && (v.Anonymous || opts.All) && names.Labelled(v.Labels, opts.Labels)
}
