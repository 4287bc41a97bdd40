package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
)

// File is a file to be downloaded.
type File struct {
	URL      string
	Checksum digest.Digest // that it must have; "": any
	Client   *http.Client  // nil: http.DefaultClient
}

// Name is what a file is called that is downloaded from a URL, as BuildKit calls it.
func Name(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "__unnamed__"
	}
	if base := path.Base(u.Path); base != "." && base != "/" && base != ".." {
		return base
	}
	return "__unnamed__"
}

// Download writes a file into dir, under its Name, with the mode 0600 and the time that the server gives it, or 1970.
//
// Errors: api.ErrInvalidArgument for a URL, an algorithm or a file that is not what it should be; api.ErrNoSpace; the cause
// of ctx.
func (f File) Download(ctx context.Context, dir string) error {
	if f.Checksum != "" {
		if err := f.Checksum.Validate(); err != nil {
			return api.Errorf(api.ErrInvalidArgument, "checksum %s: %w: write it as sha256:HEX", f.Checksum, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return api.Errorf(api.ErrInvalidArgument, "%s: %w", redact(f.URL), bare(err))
	}
	client := f.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return f.failed(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return api.Errorf(api.ErrInvalidArgument, "download %s: the server answers %s", redact(f.URL), resp.Status)
	}
	return f.save(ctx, dir, resp)
}

func (f File) save(ctx context.Context, dir string, resp *http.Response) error {
	guard, err := diskspace.NewGuard(ctx, dir)
	if err != nil {
		return err
	}
	defer guard.Close()
	to := filepath.Join(dir, Name(f.URL))
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	algorithm := digest.Canonical
	if f.Checksum != "" {
		algorithm = f.Checksum.Algorithm()
	}
	sum := algorithm.Digester()
	if _, err := io.Copy(guard.Writer(out), io.TeeReader(resp.Body, sum.Hash())); err != nil {
		return f.failed(ctx, err)
	}
	if got := sum.Digest(); f.Checksum != "" && got != f.Checksum {
		return api.Errorf(api.ErrInvalidArgument, "download %s: its checksum is %s, and %s is wanted: find out which of them is right", redact(f.URL), got, f.Checksum)
	}
	at := time.Unix(0, 0)
	if t, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		at = t
	}
	return errors.Join(out.Close(), os.Chtimes(to, at, at))
}

func (f File) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, api.ErrNoSpace) {
		return err
	}
	return fmt.Errorf("download %s: %w", redact(f.URL), bare(err))
}

// bare is an error without the URL, which may have a password.
func bare(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// redact takes the password out of a URL.
func redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.User == nil {
		return rawURL
	}
	return u.Redacted()
}
