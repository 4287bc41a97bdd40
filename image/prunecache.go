package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// PruneCacheOptions choose what PruneCache removes.
type PruneCacheOptions struct {
	// All also forgets steps that images in the store are made of. That frees nothing more, but runs them anew in the next
	// build. Default: steps that only builds have.
	All bool `json:"all,omitempty"`
	// Until limits it to what no build has used since. Default: all.
	Until time.Time `json:"until,omitzero"`
	// KeepStorage is how many bytes of the cache stay: what was used last. Default: 0, nothing stays.
	KeepStorage int64 `json:"keepStorage,omitempty"`
}

// PruneCacheResult says what was removed.
type PruneCacheResult struct {
	Deleted []string `json:"deleted,omitempty"` // ids of CacheUsage
	Space   int64    `json:"space"`             // bytes freed
}

// PruneCache removes what builds keep, like docker builder prune: the results of steps, and the files of cache mounts. What
// was used longest ago goes first. DiskUsage lists it. Images that have a name, or that a build returned, stay. It waits
// for builds in progress.
//
// Errors: ErrInvalidArgument when an option is not valid.
func (s *Store) PruneCache(ctx context.Context, opts PruneCacheOptions) (PruneCacheResult, error) {
	var res PruneCacheResult
	if opts.KeepStorage < 0 {
		return res, api.Errorf(ErrInvalidArgument, "prune the build cache: KeepStorage %d: it must not be negative: give the bytes that are to stay", opts.KeepStorage)
	}
	err := s.c.Do(ctx, api.CachePrune, opts, &res)
	return res, err
}
