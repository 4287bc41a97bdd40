package server

import (
	"cmp"
	"log/slog"
	"time"
)

// Options are the options of New and Serve. The zero value is a registry in memory, open to all.
type Options struct {
	// Dir is the directory that keeps the content. It is made if it does not exist. Several servers, in several
	// processes, may share one. Default: the content is kept in memory.
	Dir string

	// ReadOnly refuses all that would change the content, with status 405.
	ReadOnly bool

	// Auth says who may do what. Default: everyone may do everything.
	Auth Auth

	// Limits bound what a request may cost.
	Limits Limits

	// Upstream names another registry, of which the server then is a pull-through cache. A cache refuses pushes.
	// Default: none.
	Upstream Upstream

	// Logger gets one record for each request, at level info, or at level error for a status of 500 and more. Default:
	// nothing is logged.
	Logger *slog.Logger

	// KeepRequests is how many of the last requests Server.Requests returns. A negative value keeps none. Default: 1000.
	KeepRequests int
}

// Limits bound what a request may cost.
type Limits struct {
	// ManifestBytes is the size of the largest manifest that is accepted; a larger one is answered with status 413.
	// Default: 4 MiB, the least that the OCI distribution spec wants of a registry ("Pushing Manifests").
	ManifestBytes int64

	// BlobBytes is the size of the largest blob that is accepted; a larger one is answered with status 413. Default: no
	// limit.
	BlobBytes int64

	// Stall is how long a client may send or take nothing in the middle of a body; after that its connection is closed.
	// A negative value sets no limit. Default: one minute.
	Stall time.Duration

	// UploadTTL is the age at which Collect removes an upload that nothing was added to. Default: 24 hours.
	UploadTTL time.Duration
}

func (l Limits) manifestBytes() int64 { return cmp.Or(l.ManifestBytes, 4<<20) }

func (l Limits) stall() time.Duration { return cmp.Or(l.Stall, time.Minute) }
