package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/api"
)

// classify finds the sentinel that an error matches for the caller, and what the caller can do.
//
//lint:ignore ST1008 the sentinel is a result, not a failure
func classify(err error) (sentinel error, remedy string) {
	var herr ociregistry.HTTPError
	if errors.As(err, &herr) {
		return byAnswer(err, herr.StatusCode())
	}
	if sentinel, remedy = byAnswer(err, 0); sentinel != nil {
		return sentinel, remedy
	}
	return byConnection(err)
}

// byAnswer goes by the status of an answer, and by the code of its body where the status is that of several.
//
//lint:ignore ST1008 the sentinel is a result, not a failure
func byAnswer(err error, status int) (sentinel error, remedy string) {
	is := func(status2 int, errs ...error) bool {
		for _, e := range errs {
			if errors.Is(err, e) {
				return true
			}
		}
		return status == status2
	}
	switch {
	case status >= 500 || status == http.StatusRequestTimeout:
		return ErrUnreachable, "try again later"
	case is(http.StatusUnauthorized, ociregistry.ErrUnauthorized):
		return ErrUnauthorized, "check the user name and the password, or log in with an account that has access"
	case is(http.StatusForbidden, ociregistry.ErrDenied):
		return ErrDenied, ""
	case is(http.StatusTooManyRequests, ociregistry.ErrTooManyRequests):
		return ErrRateLimited, "try later, or log in"
	case is(http.StatusRequestEntityTooLarge):
		return ErrDenied, "this is too large for the registry, or for a proxy in front of it"
	case is(http.StatusMethodNotAllowed, ociregistry.ErrUnsupported):
		return api.ErrNotOffered, ""
	case is(http.StatusNotFound, ociregistry.ErrNameUnknown, ociregistry.ErrManifestUnknown, ociregistry.ErrBlobUnknown):
		return ErrNotFound, ""
	case is(-1, ociregistry.ErrDigestInvalid):
		return ErrDigestMismatch, ""
	case is(-1, ociregistry.ErrManifestInvalid, ociregistry.ErrManifestBlobUnknown):
		return ErrInvalidManifest, ""
	case is(-1, ociregistry.ErrNameInvalid):
		return ErrInvalidReference, ""
	case status >= 400:
		return ErrDenied, ""
	}
	return nil, ""
}

// byConnection is for what failed without an answer.
//
//lint:ignore ST1008 the sentinel is a result, not a failure
func byConnection(err error) (sentinel error, remedy string) {
	var (
		invalid *tls.CertificateVerificationError
		alert   tls.AlertError
	)
	switch {
	case errors.As(err, &invalid), errors.As(err, new(x509.UnknownAuthorityError)):
		return ErrUnreachable, "put the registry's authority into TLSOptions.RootCAs or certs.d"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return ErrUnreachable, "the registry speaks plain HTTP: set TLSOptions.PlainHTTP to allow that"
	case errors.Is(err, errSpeaksTLS), errors.As(err, &alert), errors.As(err, new(*net.OpError)), errors.As(err, new(*net.DNSError)), transient(err):
		return ErrUnreachable, ""
	case strings.HasSuffix(err.Error(), errStalled.Error()), strings.HasSuffix(err.Error(), io.ErrUnexpectedEOF.Error()):
		return ErrUnreachable, "" // ociclient keeps the text alone
	}
	return nil, ""
}
