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
	PullMissing PullPolicy = "missing" // if the store does not have it
	PullAlways  PullPolicy = "always"  // in any case; layers that the store has are not downloaded again
	PullNever   PullPolicy = "never"   // never: the store must have it
)

// Transport says how a registry is reached. The zero value speaks HTTPS, and verifies the certificate with the authorities of
// the system and of certs.d.
//
// A registry on loopback (localhost, 127.0.0.0/8, ::1) may also be plain HTTP, or have a certificate that can't be
// verified, as in Docker: HTTPS is tried first, and HTTP if that fails. If CertDir is set, or certs.d has an authority for
// this registry, then the certificate is verified and plain HTTP is refused. Package registry does the same.
type Transport struct {
	// Insecure allows plain HTTP, and certificates that can't be verified.
	Insecure bool `json:"insecure,omitempty"`
	// CertDir is a directory with *.crt (root certificates) and *.cert and *.key (client certificates), like those of
	// containers-certs.d(5). Default: the certs.d directories.
	CertDir string `json:"certDir,omitempty"`
	// Stall is the time in which a registry may send and take nothing before the attempt ends and another begins.
	// Default: a minute.
	Stall time.Duration `json:"stall,omitempty"`
}

// PullOptions tune Pull. The zero value asks the registry, with the stored credentials of the user.
type PullOptions struct {
	// Policy says when the registry is asked. Default: PullAlways.
	Policy PullPolicy `json:"policy,omitempty"`
	// Platform is the platform to choose from an index, such as linux/arm64 or linux/arm/v7. A reference to a single image,
	// which is not in an index, is pulled as it is, whatever its platform: Image.OS and Image.Arch say what it is. An image
	// that the store has (with PullMissing and PullNever) must be for the platform. Default: the host's platform; an image
	// that the store has may be for any.
	Platform string `json:"platform,omitempty"`
	// Transport says how the registry is reached.
	Transport Transport `json:"transport,omitzero"`
	// Credential is what to log in with. Default: what podman login and docker login have stored, as
	// registry.Client.Credentials finds it.
	Credential registry.Credential `json:"credential,omitzero"`
	// Progress is called as bytes move, from one goroutine at a time. Default: none.
	Progress func(Progress) `json:"-"`
}

// Pull fetches an image from a registry and returns it. If processes pull the same reference at the same time, it is
// downloaded once.
//
// The configuration files of the user are read, or else those of the system: registries.conf for mirrors; policy.json
// (or the file that CONTAINERS_POLICY_JSON names) with registries.d for signatures of GnuPG and sigstore that an image
// must have; certs.d for certificates. Without these files, every image is taken from the registry that its name says.
//
// A pull makes up to five attempts, with growing pauses. An attempt ends with an answer of status 500 or more, a
// connection that breaks, or a stall (Transport.Stall). Within an attempt, a blob whose connection breaks is continued
// where it was, if at least 1 MiB has come since the last break. Layers that are unpacked are not downloaded again by
// the next attempt. They are not downloaded again by the next Pull either, if this one is cancelled or the registry
// can't be reached: they stay in the store for five minutes, or until Prune, or until the last Store of this process is
// closed.
//
// Errors: ErrInvalidReference when ref is not valid; ErrNotFound when the registry has no such image, or with PullNever
// the store; ErrNoPlatform when the registry has the image for other platforms only; ErrUnauthorized and ErrDenied when
// the registry refuses; ErrRateLimited and ErrUnreachable after all attempts; ErrDigestMismatch and ErrCorrupt when what it sends is wrong; ErrPolicy when the signature policy rejects
// the image; ErrNoSpace when the disk is full; ErrInvalidArgument when an option is not valid.
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
