package transfer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/docker/distribution/registry/api/errcode"
	"go.podman.io/image/v5/docker"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
)

// errStalled ends an attempt in which nothing moved.
var errStalled = errors.New("the registry sends nothing")

// Explain makes an error of the upstream libraries one of ours. what is the operation and its subject.
func Explain(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	var ours *api.Error
	if errors.As(err, &ours) || isOurs(err) {
		return err
	}
	sentinel, remedy := classify(err)
	if sentinel == nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if remedy != "" {
		return api.Errorf(sentinel, "%s: %w: %s", what, err, remedy)
	}
	return api.Errorf(sentinel, "%s: %w", what, err)
}

func isOurs(err error) bool { return len(api.ToError(err).Codes) > 0 }

const (
	loginRemedy   = "log in to the registry, or set Credential to a user name and a password that it accepts"
	deniedRemedy  = "the account has no right to do that: ask the owner of the registry, or use another account"
	unreachRemedy = "check the registry's name and the network"

	notFoundRemedy   = "check the repository and the tag"
	notOfferedRemedy = "the registry does not allow that: it may be read-only, or a cache of another registry"
	tooLargeRemedy   = "this is too large for the registry, or for a proxy in front of it"
	platformRemedy   = "the image is not made for this platform: choose another with Platform"
)

// classify follows the table of what upstream returns for each fault.
//
//lint:ignore ST1008 the sentinel is a result, not a failure
func classify(err error) (sentinel error, remedy string) {
	if full(err) {
		return api.ErrNoSpace, diskspace.Remedy
	}
	if s, r := byCode(err); s != nil {
		return s, r
	}
	n := status(err)
	if n == http.StatusNotFound && strings.Contains(err.Error(), "pinging container registry") {
		return api.ErrUnreachable, "there is a server, but no registry: check the registry's name"
	}
	if s, r := byStatus(n); s != nil {
		return s, r
	}
	if s, r := byConnection(err); s != nil {
		return s, r
	}
	if rejected(err) {
		return api.ErrPolicy, "the signature policy (policy.json) does not allow this image"
	}
	if errors.Is(err, storage.ErrImageUnknown) {
		return api.ErrNotFound, ""
	}
	return byText(err.Error())
}

// full also knows the errors of the processes that unpack for containers/storage, which come as text.
func full(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, e) || strings.HasSuffix(err.Error(), e.Error()) {
			return true
		}
	}
	return false
}

//lint:ignore ST1008 the sentinel is a result, not a failure
func byCode(err error) (error, string) {
	if errors.Is(err, docker.ErrTooManyRequests) {
		return api.ErrRateLimited, "try again later"
	}
	if errors.As(err, &docker.ErrUnauthorizedForCredentials{}) {
		return api.ErrUnauthorized, loginRemedy
	}
	var coder errcode.ErrorCoder
	if !errors.As(err, &coder) {
		return nil, ""
	}
	return byRegistryCode(coder.ErrorCode().Descriptor().Value, err.Error())
}

// byRegistryCode is for answers of status 4xx in the form of the OCI distribution spec ("Error Codes"). Upstream drops
// their status, and makes every code that Docker's registry does not know UNKNOWN.
//
//lint:ignore ST1008 the sentinel is a result, not a failure
func byRegistryCode(code, text string) (error, string) {
	switch code {
	case "UNAUTHORIZED":
		return api.ErrUnauthorized, loginRemedy
	case "DENIED":
		return api.ErrDenied, deniedRemedy
	case "TOOMANYREQUESTS":
		return api.ErrRateLimited, "try again later"
	case "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN":
		return api.ErrNotFound, notFoundRemedy
	case "DIGEST_INVALID":
		return api.ErrDigestMismatch, ""
	case "UNSUPPORTED":
		if !strings.HasSuffix(strings.TrimRight(text, "."), "unsupported") { // the registry says why
			return api.ErrNotOffered, ""
		}
		return api.ErrNotOffered, notOfferedRemedy
	case "SIZE_INVALID":
		return api.ErrDenied, "the registry does not take content of this size"
	case "NAME_INVALID", "TAG_INVALID":
		return api.ErrInvalidReference, "the registry does not take such a name"
	case "MANIFEST_INVALID", "MANIFEST_UNVERIFIED", "MANIFEST_BLOB_UNKNOWN":
		return api.ErrCorrupt, "the registry does not take this manifest: it may not know its format"
	case "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID":
		return api.ErrUnreachable, "the registry has lost the upload: try again"
	case "UNAVAILABLE":
		return api.ErrUnreachable, "try again later"
	}
	if strings.Contains(text, "not found") { // of Harbor, whose code is NOT_FOUND
		return api.ErrNotFound, notFoundRemedy
	}
	return api.ErrDenied, "the registry refuses that"
}

var statusText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:StatusCode: |parsing HTTP |HTTP status:? |HTTP code )([1-5][0-9][0-9])`)
})

// status returns the HTTP status in err, or 0.
func status(err error) int {
	var unexpected docker.UnexpectedHTTPStatusError
	if errors.As(err, &unexpected) {
		return unexpected.StatusCode
	}
	if m := statusText().FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

//lint:ignore ST1008 the sentinel is a result, not a failure
func byStatus(n int) (error, string) {
	switch {
	case n == http.StatusUnauthorized:
		return api.ErrUnauthorized, loginRemedy
	case n == http.StatusForbidden:
		return api.ErrDenied, deniedRemedy
	case n == http.StatusNotFound:
		return api.ErrNotFound, notFoundRemedy
	case n == http.StatusMethodNotAllowed:
		return api.ErrNotOffered, notOfferedRemedy
	case n == http.StatusRequestEntityTooLarge:
		return api.ErrDenied, tooLargeRemedy
	case n == http.StatusRequestTimeout:
		return api.ErrUnreachable, "try again later"
	case n == http.StatusTooManyRequests:
		return api.ErrRateLimited, "try again later"
	case n >= 500:
		return api.ErrUnreachable, "the registry has an internal error: try again later"
	case n >= 400:
		return api.ErrDenied, "the registry refuses that"
	}
	return nil, ""
}

//lint:ignore ST1008 the sentinel is a result, not a failure
func byConnection(err error) (error, string) {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		dns       *net.DNSError
		ue        *url.Error
		op        *net.OpError
	)
	switch {
	case errors.As(err, new(*broken)):
		return api.ErrUnreachable, "the connection broke in every attempt: try again later"
	case errors.Is(err, errStalled):
		return api.ErrUnreachable, "the connection is open, but no data arrives: try again later"
	case errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid):
		return api.ErrUnreachable, "put the registry's CA into Transport.CertDir or certs.d, or set Transport.Insecure"
	case strings.Contains(err.Error(), "remote error: tls: ") && strings.Contains(err.Error(), "certificate"):
		return api.ErrUnreachable, "the registry wants another client certificate: put NAME.cert and NAME.key into Transport.CertDir or certs.d"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return api.ErrUnreachable, "the registry speaks plain HTTP: set Transport.Insecure to allow that"
	case errors.As(err, &dns):
		return api.ErrUnreachable, unreachRemedy
	case errors.Is(err, syscall.ECONNREFUSED):
		return api.ErrUnreachable, "nothing listens there: " + unreachRemedy
	case errors.As(err, &op), errors.As(err, &ue), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return api.ErrUnreachable, unreachRemedy
	}
	return nil, ""
}

// byText is for what upstream returns without a type.
//
//lint:ignore ST1008 the sentinel is a result, not a failure
func byText(text string) (error, string) {
	for _, c := range []struct {
		part     string
		sentinel error
		remedy   string
	}{
		{"Digest did not match", api.ErrDigestMismatch, "the content is damaged, or was damaged on its way"},
		{"does not match expected", api.ErrDigestMismatch, "the content is damaged, or was damaged on its way"},
		{"does not match provided manifest digest", api.ErrDigestMismatch, "the content is damaged, or was damaged on its way"},
		{"digest mismatch", api.ErrDigestMismatch, "the content is damaged, or was damaged on its way"},
		{"missing key ", api.ErrInvalidArgument, "a client certificate is NAME.cert with NAME.key; the CA's is NAME.crt"},
		{"missing client certificate ", api.ErrInvalidArgument, "a client certificate is NAME.cert with NAME.key; the CA's is NAME.crt"},
		{"invalid reference format", api.ErrInvalidReference, "a name is in lower case, such as registry.example.com/team/app:1.2"},
		{"no image found in image index", api.ErrNoPlatform, platformRemedy},
		{"no image found in manifest list", api.ErrNoPlatform, platformRemedy},
		{"choosing image instance", api.ErrNoPlatform, platformRemedy},
		{"is blocked in", api.ErrPolicy, "registries.conf does not allow this registry"},
		{"unsupported manifest", api.ErrCorrupt, "the manifest's type is not that of an image"},
		{"invalid tar header", api.ErrCorrupt, ""},
		{"gzip: invalid", api.ErrCorrupt, ""},
		{"flate: corrupt", api.ErrCorrupt, ""},
		{"bzip2 data invalid", api.ErrCorrupt, ""},
		{"xz: ", api.ErrCorrupt, ""},
		{"lzma: ", api.ErrCorrupt, ""},
		{"zstd: ", api.ErrCorrupt, ""},
		{"unexpected EOF", api.ErrCorrupt, ""},
		{"invalid character", api.ErrCorrupt, "the content is not that of an image"},
		{"cannot unmarshal", api.ErrCorrupt, "the content is not that of an image"},
		{"invalid mixed OCI image", api.ErrCorrupt, ""},
		{"duplicates of file paths", api.ErrCorrupt, "a layer has two entries with the same name, which the store can't keep"},
		{"breakout", api.ErrCorrupt, "a layer has names or links that lead out of the root: do not use this image"},
	} {
		if strings.Contains(text, c.part) {
			return c.sentinel, c.remedy
		}
	}
	return nil, ""
}

// transient says whether another attempt can help. 429 is not here: upstream has waited and tried five times.
func transient(err error) bool {
	if n := status(err); n >= 500 {
		return true
	}
	if errors.As(err, new(*broken)) {
		return true
	}
	var ne net.Error
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "read" || op.Op == "write") {
		return true // the connection was there, and broke
	}
	switch {
	case errors.Is(err, errStalled), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &ne) && ne.Timeout():
		return true
	}
	text := err.Error()
	// The registry ended a connection that was kept; a remover of another store's process, or of a tool that does not know
	// our lock, was in between.
	for _, t := range []string{"server closed idle connection", "transport connection broken", "layer not known", "identifier is not a layer, image, or container", "image not known"} {
		if strings.Contains(text, t) {
			return true
		}
	}
	return strings.HasSuffix(text, ": EOF")
}
