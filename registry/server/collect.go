package server

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/registry/server/internal/storage"
)

// CollectOptions say what Collect removes.
type CollectOptions struct {
	// Untagged also removes manifests that no tag reaches, directly, through an index, or as a referrer.
	Untagged bool

	// Grace is the age below which nothing is removed, since the blobs of a push that is under way have no manifest yet.
	// A negative value sets no such age. Default: one hour.
	Grace time.Duration
}

// Collected is what Collect removed.
type Collected struct {
	Manifests int
	Blobs     int
	Bytes     int64 // of blobs and manifests
	Uploads   int
}

// Collect is garbage collection: it removes blobs that no manifest names and uploads that have rested too long, and,
// by option, manifests without a tag. Pushes wait meanwhile, in all processes that share the directory; pulls do not. When
// ctx ends, what was removed by then is removed.
//
// Errors: those of Server.Err, ctx's, and those of the file system.
func (s *Server) Collect(ctx context.Context, o CollectOptions) (Collected, error) {
	if s.err != nil {
		return Collected{}, s.err
	}
	if o.Grace == 0 {
		o.Grace = time.Hour
	}
	did, err := s.store.Collect(ctx, storage.CollectOptions{Untagged: o.Untagged, Grace: max(o.Grace, 0)})
	return Collected(did), err
}
