package transfer_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/docker/distribution/registry/api/errcode"
	v2 "github.com/docker/distribution/registry/api/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/docker"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/internal/api"
)

// What the upstream libraries return for a fault has the sentinel that users match, and says what to do.
func TestExplain(t *testing.T) {
	refused := &url.Error{Op: "Get", URL: "https://r.example.com/v2/", Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
	for name, c := range map[string]struct {
		err  error
		want error // nil: none
		says string
	}{
		"disk full":               {fmt.Errorf("copy: %w", syscall.ENOSPC), api.ErrNoSpace, "Prune"},
		"disk full, as text":      {errors.New("tar: no space left on device"), api.ErrNoSpace, "Prune"},
		"too many requests":       {docker.ErrTooManyRequests, api.ErrRateLimited, "later"},
		"unauthorized":            {docker.ErrUnauthorizedForCredentials{Err: errors.New("x")}, api.ErrUnauthorized, "log in"},
		"denied":                  {errcode.ErrorCodeDenied.WithMessage("x"), api.ErrDenied, "the account has no right to do that"},
		"unknown manifest":        {v2.ErrorCodeManifestUnknown.WithMessage("x"), api.ErrNotFound, "the tag"},
		"unsupported":             {errcode.ErrorCodeUnsupported, api.ErrDenied, "read-only"},
		"unsupported, matched":    {errcode.ErrorCodeUnsupported.WithMessage("x"), api.ErrUnsupported, ""},
		"size":                    {v2.ErrorCodeSizeInvalid.WithMessage("x"), api.ErrDenied, "size"},
		"name":                    {v2.ErrorCodeNameInvalid.WithMessage("x"), api.ErrInvalidReference, ""},
		"manifest":                {v2.ErrorCodeManifestInvalid.WithMessage("x"), api.ErrCorrupt, "format"},
		"upload":                  {v2.ErrorCodeBlobUploadUnknown.WithMessage("x"), api.ErrUnreachable, "try again"},
		"code of the registry's":  {errcode.ErrorCodeUnknown.WithMessage("no"), api.ErrDenied, "the registry refuses that"},
		"not found by Harbor":     {errcode.ErrorCodeUnknown.WithMessage("repository app not found"), api.ErrNotFound, "the tag"},
		"status 405":              {docker.UnexpectedHTTPStatusError{StatusCode: 405}, api.ErrDenied, "read-only"},
		"status 405, matched":     {docker.UnexpectedHTTPStatusError{StatusCode: 405}, api.ErrUnsupported, ""},
		"status 408":              {docker.UnexpectedHTTPStatusError{StatusCode: 408}, api.ErrUnreachable, "later"},
		"status 418":              {docker.UnexpectedHTTPStatusError{StatusCode: 418}, api.ErrDenied, "the registry refuses that"},
		"status 401":              {docker.UnexpectedHTTPStatusError{StatusCode: 401}, api.ErrUnauthorized, "log in"},
		"status 403":              {docker.UnexpectedHTTPStatusError{StatusCode: 403}, api.ErrDenied, ""},
		"status 404":              {docker.UnexpectedHTTPStatusError{StatusCode: 404}, api.ErrNotFound, ""},
		"status 413":              {docker.UnexpectedHTTPStatusError{StatusCode: 413}, api.ErrDenied, "too large"},
		"status 429":              {docker.UnexpectedHTTPStatusError{StatusCode: 429}, api.ErrRateLimited, ""},
		"status 503":              {docker.UnexpectedHTTPStatusError{StatusCode: 503}, api.ErrUnreachable, "the registry has an internal error"},
		"status in text":          {errors.New("parsing HTTP 404 response body: x"), api.ErrNotFound, ""},
		"no registry":             {errors.New("pinging container registry x: StatusCode: 404"), api.ErrUnreachable, "but no registry"},
		"refused":                 {refused, api.ErrUnreachable, "nothing listens"},
		"unknown host":            {&net.DNSError{Err: "no such host", Name: "x"}, api.ErrUnreachable, "name and the network"},
		"unknown CA":              {x509.UnknownAuthorityError{}, api.ErrUnreachable, "CertDir"},
		"plain HTTP":              {errors.New("http: server gave HTTP response to HTTPS client"), api.ErrUnreachable, "Insecure"},
		"digest":                  {errors.New("Digest did not match, expected a, got b"), api.ErrDigestMismatch, ""},
		"other platform":          {errors.New("no image found in image index for architecture"), api.ErrNoPlatform, "Platform"},
		"other platform, matched": {errors.New("no image found in manifest list for architecture"), api.ErrNotFound, ""},
		"blocked":                 {errors.New("registry x is blocked in /etc/containers/registries.conf"), api.ErrPolicy, "registries.conf"},
		"policy":                  {errors.New("Source image rejected: x"), api.ErrPolicy, "policy.json"},
		"breakout":                {errors.New("breakout error: invalid name"), api.ErrCorrupt, "do not use this image"},
		"not JSON":                {errors.New("invalid character 'x'"), api.ErrCorrupt, ""},
		"gone from the store":     {storage.ErrImageUnknown, api.ErrNotFound, ""},
		"ours":                    {api.Errorf(api.ErrInUse, "x"), api.ErrInUse, ""},
		"nothing that is known":   {errors.New("strange"), nil, "pull x: strange"},
		"ours in a text of more":  {fmt.Errorf("a: %w", api.Errorf(api.ErrPolicy, "b")), api.ErrPolicy, "a: b"},
	} {
		err := transfer.Explain(t.Context(), "pull x", c.err)
		require.Error(t, err, name)
		assert.ErrorContains(t, err, c.says, name)
		if c.want == nil {
			assert.Empty(t, api.ToError(err).Codes, name)
			continue
		}
		assert.ErrorIs(t, err, c.want, name)
	}
	assert.NoError(t, transfer.Explain(t.Context(), "pull x", nil))

	why := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	assert.ErrorIs(t, transfer.Explain(ctx, "pull x", io.EOF), why, "whatever failed, this is the reason")
}
