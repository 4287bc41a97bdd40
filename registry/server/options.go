package server

import (
	"cmp"
	"log/slog"
	"time"
)

// Options are the options of New and Serve. The zero value is a registry in memory, open to all.
type Options struct {
	// Dir keeps the content in a directory, made when absent; in memory when empty. Several servers, in several
	// processes, may share one.
	Dir string

	// ReadOnly refuses all that would change the content, with status 405.
	ReadOnly bool

	// Auth says who may do what; everyone may do everything when it is zero.
	Auth Auth

	// Limits bound what a request may cost.
	Limits Limits

	// Upstream makes the server a pull-through cache of another registry, when it names one. A cache refuses pushes.
	Upstream Upstream

	// Logger gets one record a request, at level info, or error for a status of 500 and more; nothing is logged when nil.
	Logger *slog.Logger

	// KeepRequests is how many of the last requests Server.Requests remembers; 1000 when 0, none when negative.
	KeepRequests int
}

// Limits bound what a request may cost. Zero fields have defaults.
type Limits struct {
	// ManifestBytes is the largest manifest; 4 MiB when 0, the least that the OCI distribution spec has a registry
	// accept ("Pushing Manifests"). Beyond it: status 413.
	ManifestBytes int64

	// BlobBytes is the largest blob; no limit when 0. Beyond it: status 413.
	BlobBytes int64

	// Stall is how long a client may send or take nothing in the middle of a body before it is cut off; a minute
	// when 0, no limit when negative.
	Stall time.Duration

	// UploadTTL is how long an unfinished upload rests before Collect removes it; 24 hours when 0.
	UploadTTL time.Duration
}

func (l Limits) manifestBytes() int64 { return cmp.Or(l.ManifestBytes, 4<<20) }

func (l Limits) stall() time.Duration { return cmp.Or(l.Stall, time.Minute) }
