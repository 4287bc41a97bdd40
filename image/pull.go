package image

import (
	"context"
	"encoding/json"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/registry"
)

// PullPolicy says when a registry is asked for an image.
type PullPolicy string

// The pull policies.
const (
	PullMissing PullPolicy = "missing" // only when the store does not have it
	PullAlways  PullPolicy = "always"  // the registry's answer decides; layers that are here are not fetched again
	PullNever   PullPolicy = "never"
)

// Transport says how a registry is reached. The zero value verifies TLS with the system's roots; loopback registries
// are plain HTTP, as in Docker.
type Transport struct {
	// Insecure allows plain HTTP and certificates that don't verify.
	Insecure bool `json:"insecure,omitempty"`
	// CertDir holds *.crt (roots), *.cert and *.key (client), as containers-certs.d(5).
	CertDir string `json:"certDir,omitempty"`
	// Stall is how long a registry may send and take nothing before the attempt ends and another begins, in
	// nanoseconds. Default: a minute.
	Stall time.Duration `json:"stall,omitempty"`
}

// PullOptions tune Pull. The zero value asks the registry, with the user's stored credentials.
type PullOptions struct {
	// Policy: default PullAlways.
	Policy PullPolicy `json:"policy,omitempty"`
	// Platform as linux/arm64 or linux/arm/v7. Default: the host's.
	Platform string `json:"platform,omitempty"`
	// Transport: TLS and plain HTTP.
	Transport Transport `json:"transport,omitzero"`
	// Credential logs in for this call. Default: what registry.Client.Credentials finds, of podman login and docker login.
	Credential registry.Credential `json:"credential,omitzero"`
	// Progress is called as bytes move, from one goroutine.
	Progress func(Progress) `json:"-"`
}

// Pull fetches an image from a registry, or from this store by Policy. A name without a registry means docker.io, and
// without a tag latest, as in Docker. Processes that pull the same reference at the same time download it once.
//
// The user's configuration counts, else the system's: registries.conf for mirrors, policy.json (or the file that
// CONTAINERS_POLICY_JSON names) with registries.d for signatures that an image must have, GnuPG's and sigstore's, and certs.d
// for certificates. A machine without these files takes every image from the registry that its name says.
//
// An answer of status 500 or more, a connection that breaks and a stall (Transport.Stall) end an attempt, of which there are
// five, with growing pauses. A blob whose connection breaks goes on where it was, within an attempt, if a MiB of it has come since the last time. Layers that are
// unpacked, up to the first that is not, count for the next attempt, and so they do for the next Pull: when this one is
// cancelled or its registry is out of reach, they stay in the store for five minutes, until Prune, or until
// the last Store of this process is closed. A layer that was under way then begins again.
//
// Errors: ErrInvalidReference, ErrNotFound, ErrUnauthorized, ErrDenied, ErrRateLimited, ErrUnreachable,
// ErrDigestMismatch, ErrPolicy, ErrCorrupt, ErrNoSpace.
func (s *Store) Pull(ctx context.Context, ref string, opts PullOptions) (*Image, error) {
	var img Image
	err := s.c.Stream(ctx, api.ImagePull, api.Request[PullOptions]{Ref: ref, Options: opts}, nil, progressTo(opts.Progress), &img)
	if err != nil {
		return nil, err
	}
	return &img, nil
}

func progressTo(f func(Progress)) func(api.Event) error {
	return func(ev api.Event) error {
		if f == nil || ev.Progress == nil {
			return nil
		}
		var p Progress
		if err := json.Unmarshal(ev.Progress, &p); err != nil {
			return err
		}
		f(p)
		return nil
	}
}
