package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// RetryOptions say how a client tries again. It does so after an answer of status 408, 429, or 500 and more, except 501 and
// 505; when a connection is reset or cut; and when a body stalls.
type RetryOptions struct {
	// Attempts is how often a request is sent at most; 1 means that nothing is tried again. Default: 5.
	Attempts int

	// Delay is the length D of the first wait. The wait lasts for a random time between D/2 and D. D doubles with each
	// further wait. If the registry sends Retry-After, the client waits for exactly that time instead. Default: 500 ms.
	Delay time.Duration

	// MaxDelay is the longest D. If the registry asks for a longer wait, the client does not wait and the request fails.
	// Default: 30 s.
	MaxDelay time.Duration

	// Stall is how long the body of an answer may bring no byte before it counts as cut. A negative value sets no limit.
	// Default: one minute.
	Stall time.Duration
}

func (o RetryOptions) withDefaults() RetryOptions {
	return RetryOptions{
		Attempts: cmp.Or(o.Attempts, 5),
		Delay:    cmp.Or(o.Delay, 500*time.Millisecond),
		MaxDelay: cmp.Or(o.MaxDelay, 30*time.Second),
		Stall:    cmp.Or(o.Stall, time.Minute),
	}
}

// errStalled is the cause of a request's end when it brought nothing for too long.
var errStalled = errors.New("no data arrived for too long")

// retryTransport tries a request again when that is safe: its body, if any, can be read again.
type retryTransport struct {
	next   http.RoundTripper
	o      RetryOptions
	logger *slog.Logger
}

// RoundTrip implements http.RoundTripper.
func (t *retryTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	repeatable := req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
	for attempt := 1; ; attempt++ {
		resp, err := t.once(req)
		if err == nil && req.URL.Scheme == "http" && refusesPlain(req, resp) {
			_ = resp.Body.Close()
			return nil, errSpeaksTLS
		}
		if !repeatable || attempt >= t.o.Attempts || !again(resp, err) {
			return resp, err
		}
		wait, ok := t.o.wait(attempt, resp)
		if !ok {
			return resp, err
		}
		t.log(req, resp, err, wait)
		if resp != nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
			_ = resp.Body.Close()
		}
		if err := pause(req.Context(), wait); err != nil {
			return nil, err
		}
		if req.GetBody != nil {
			req = req.Clone(req.Context())
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// again says whether another attempt may do better.
func again(resp *http.Response, err error) bool {
	if err != nil {
		return transient(err)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return resp.StatusCode >= 500
}

// transient says whether a connection failed in a way that a new one may not. A refused one is not: nobody listens.
func transient(err error) bool {
	var nerr net.Error
	switch {
	case errors.Is(err, errStalled):
		return true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return true
	}
	if errors.As(err, &nerr) && nerr.Timeout() {
		return true
	}
	text := err.Error()
	return slices.ContainsFunc(brokenHTTP, func(part string) bool { return strings.Contains(text, part) })
}

// brokenHTTP is in errors of net/http that have no type which can be named: a stream of HTTP/2 that was reset, which is how a
// connection is cut there, a connection that has ended, and the end of one that was kept for later.
var brokenHTTP = []string{
	"stream error: stream ID ", "http2: client connection lost", "http2: server sent GOAWAY", "http2: client connection force closed",
	"transport connection broken", "server closed idle connection",
}

// wait is how long before the next attempt; not ok when the registry asks for more than the limit.
func (o RetryOptions) wait(attempt int, resp *http.Response) (time.Duration, bool) {
	if resp != nil {
		if d, ok := retryAfter(resp.Header.Get("Retry-After"), time.Now()); ok {
			return d, d <= o.MaxDelay
		}
	}
	d := o.MaxDelay
	if shift := attempt - 1; shift < 16 {
		d = min(d, o.Delay<<shift)
	}
	return d/2 + rand.N(d/2+1), true
}

// retryAfter reads the header: seconds, or a date (RFC 9110, section 10.2.3).
func retryAfter(s string, now time.Time) (time.Duration, bool) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return api.Ended(ctx)
	}
}

func (t *retryTransport) log(req *http.Request, resp *http.Response, err error, wait time.Duration) {
	if t.logger == nil {
		return
	}
	if resp != nil {
		err = fmt.Errorf("status %s", resp.Status)
	}
	t.logger.WarnContext(req.Context(), "registry request failed, trying again", "method", req.Method,
		"host", req.URL.Host, "path", req.URL.Path, "error", err, "wait", wait)
}

// errSpeaksTLS is what plain HTTP meets at a server of HTTPS.
var errSpeaksTLS = errors.New("the registry speaks TLS: unset TLSOptions.PlainHTTP, and give its authority in RootCAs or certs.d")

// refusesPlain recognises the answer of Go's servers, which comes before HTTP proper, and those of nginx and Apache.
func refusesPlain(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode != http.StatusBadRequest {
		return false
	}
	if resp.ProtoMajor == 1 && resp.ProtoMinor == 0 && len(resp.Header) == 0 {
		return true
	}
	if resp.Header.Get("Docker-Distribution-Api-Version") != "" || req.Method == http.MethodHead {
		return false
	}
	body := resp.Body
	start, _ := io.ReadAll(io.LimitReader(body, 1024))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), body), body}
	return bytes.Contains(start, []byte("HTTPS port")) || bytes.Contains(start, []byte("speaking plain HTTP to an SSL-enabled"))
}

// once sends the request, and watches that the answer's body does not stall.
func (t *retryTransport) once(req *http.Request) (*http.Response, error) {
	if t.o.Stall < 0 {
		return t.next.RoundTrip(req)
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		if req.Context().Err() != nil {
			err = api.Ended(req.Context())
		}
		return nil, err
	}
	b := &watchedBody{ReadCloser: resp.Body, caller: req.Context(), ctx: ctx, cancel: cancel, stall: t.o.Stall}
	b.timer = time.AfterFunc(t.o.Stall, func() { cancel(errStalled) })
	b.timer.Stop() // it runs while a Read does
	resp.Body = b
	return resp, nil
}

// watchedBody ends the request when no byte comes for too long.
type watchedBody struct {
	io.ReadCloser
	caller context.Context
	ctx    context.Context // it is the request's own
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.stall)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	switch {
	case err == nil || errors.Is(err, io.EOF):
	case errors.Is(context.Cause(b.ctx), errStalled):
		err = errStalled
	case b.caller.Err() != nil:
		err = api.Ended(b.caller)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
