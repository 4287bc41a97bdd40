// Package client finds, starts and talks to the agent. It is the thin side: the standard library and x/sys alone.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/unixsock"
)

// Options choose the store that an agent serves.
type Options struct {
	Root    string // absolute, or empty for the user's default
	RunRoot string // absolute, or empty for one that follows from Root
	// ReadOnly are absolute directories of further stores, as containers/storage has them.
	ReadOnly []string
	// AgentSources say where the agent's binary may come from, as agentbin.Find takes them.
	AgentSources []string
	Logger       *slog.Logger
}

// Client is what one opening of a store talks to the process's agent by. It is safe for concurrent use.
type Client struct {
	Root    string
	RunRoot string

	*connection
	http   *http.Client
	closed atomic.Bool
}

// connection is the one that all openings of a store in this process share.
type connection struct {
	key       string // in open
	transport *http.Transport
	agent     *process

	mu   sync.Mutex
	refs int
}

var (
	opening = make(chan struct{}, 1)   // full while someone uses open: a lock that can be waited for with a context
	open    = map[string]*connection{} // by storeKey: the process's agents
)

// errClosed is the error of a client that is closed, whether or not the agent serves others.
var errClosed = api.Errorf(api.ErrAgentGone, "the store is closed")

// RoundTrip sends a request as long as the client is open.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.closed.Load() {
		return nil, errClosed
	}
	return c.transport.RoundTrip(req)
}

// Open returns this process's client for the store, and starts its agent if it has none yet. The end of ctx ends the call,
// also while the agent is downloaded, built or waited for; it does not end an agent that serves.
func Open(ctx context.Context, opts Options) (*Client, error) {
	root, run, err := paths(opts)
	if err != nil {
		return nil, err
	}
	select {
	case opening <- struct{}{}:
		defer func() { <-opening }()
	case <-ctx.Done():
		return nil, api.Ended(ctx)
	}
	key := storeKey(root, run, opts.ReadOnly)
	client := func(shared *connection) *Client {
		c := &Client{Root: root, RunRoot: run, connection: shared}
		c.http = &http.Client{Transport: c}
		return c
	}
	if shared := open[key]; shared != nil && !shared.agent.gone() {
		shared.mu.Lock()
		shared.refs++
		shared.mu.Unlock()
		shared.agent.addLogger(opts.Logger)
		return client(shared), nil
	}
	p, err := start(ctx, root, run, opts)
	if err != nil {
		return nil, err
	}
	open[key] = &connection{key: key, agent: p, refs: 1, transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return unixsock.Dial(ctx, p.socket) },
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}}
	return client(open[key]), nil
}

// storeKey tells stores apart.
func storeKey(root, run string, readOnly []string) string {
	return strings.Join(append([]string{root, run}, readOnly...), "\x00")
}

// Close closes the client. The last Close of a store in this process ends the agent: what was not detached is stopped and
// removed before Close returns. A second Close of a client does nothing.
func (c *Client) Close() error {
	opening <- struct{}{}
	defer func() { <-opening }()
	if c.closed.Swap(true) {
		return nil
	}
	c.mu.Lock()
	c.refs--
	last := c.refs == 0
	c.mu.Unlock()
	if !last {
		return nil
	}
	if open[c.key] == c.connection {
		delete(open, c.key)
	}
	c.transport.CloseIdleConnections()
	return c.agent.stop()
}

// Shared says whether this process has the store open more than once.
func (c *Client) Shared() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refs > 1
}

// Do sends in as JSON and decodes the answer into out; either may be nil.
func (c *Client) Do(ctx context.Context, route api.Route, in, out any) error {
	resp, err := c.send(ctx, route, in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	return c.explain(ctx, err)
}

// Body opens a streaming response. The caller closes it.
func (c *Client) Body(ctx context.Context, route api.Route, in any) (io.ReadCloser, error) {
	resp, err := c.send(ctx, route, in, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Stream sends in, then stream, and calls each for every event until the result, which it decodes into out. It returns as
// soon as ctx is done, also while a Read of stream blocks.
func (c *Client) Stream(ctx context.Context, route api.Route, in any, stream io.Reader, each func(api.Event) error, out any) error {
	if stream == nil {
		return c.stream(ctx, route, in, nil, each, out)
	}
	b := newBody(ctx, stream)
	defer b.Close()
	err := c.stream(ctx, route, in, b, each, out)
	if failed := b.failed(); err != nil && failed != nil && ctx.Err() == nil {
		return fmt.Errorf("read what is to be sent: %w", failed) // what the agent says of it is a stream that breaks off
	}
	return err
}

func (c *Client) stream(ctx context.Context, route api.Route, in any, body io.Reader, each func(api.Event) error, out any) error {
	resp, err := c.send(ctx, route, in, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	for {
		var ev api.Event
		if err := dec.Decode(&ev); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return c.explain(ctx, err)
		}
		switch {
		case ev.Err != nil:
			return c.explain(ctx, ev.Err)
		case ev.Done:
			if out == nil || ev.Result == nil {
				return nil
			}
			return json.Unmarshal(ev.Result, out)
		case each != nil:
			if err := each(ev); err != nil {
				return err
			}
		}
	}
}

// Upgrade opens a two-way stream. The first request body is in.
func (c *Client) Upgrade(ctx context.Context, route api.Route, in any) (io.ReadWriteCloser, error) {
	req, err := upgrade(ctx, route, in)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return nil, c.explain(ctx, readError(resp))
	}
	rwc, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		resp.Body.Close()
		return nil, fmt.Errorf("stream of %s: the response body is not writable", route)
	}
	return rwc, nil
}

func upgrade(ctx context.Context, route api.Route, in any) (*http.Request, error) {
	b, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	req, err := newRequest(ctx, route, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", api.Upgrade)
	return req, nil
}

func newRequest(ctx context.Context, route api.Route, body io.Reader) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+route.String(), body)
}

// send makes the request. With a body, the first line is in as JSON and the rest is body.
func (c *Client) send(ctx context.Context, route api.Route, in any, body io.Reader) (*http.Response, error) {
	var r io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		r = bytes.NewReader(b)
		if body != nil {
			r = io.MultiReader(bytes.NewReader(append(b, '\n')), body)
		}
	}
	req, err := newRequest(ctx, route, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, c.explain(ctx, readError(resp))
	}
	return resp, nil
}

func readError(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	e := &api.Error{}
	if json.Unmarshal(b, e) != nil || e.Message == "" {
		return fmt.Errorf("agent answered %s: %s", resp.Status, bytes.TrimSpace(b))
	}
	return e
}

// explain replaces what the transport says by what happened: the caller cancelled, or the agent is gone.
func (c *Client) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var ae *api.Error
	if ctx.Err() != nil {
		if errors.As(err, &ae) && errors.Is(ae, ctx.Err()) {
			return err
		}
		return api.Ended(ctx)
	}
	if errors.As(err, &ae) {
		return err
	}
	if errors.Is(err, errClosed) {
		return errClosed
	}
	if why := c.Why(ctx); why != nil {
		return why
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return fmt.Errorf("talk to the agent: %w", err)
}

// Why returns what broke a stream with the agent, if it was not the stream: that ctx is done, or that the agent is gone.
func (c *Client) Why(ctx context.Context) error {
	if ctx.Err() != nil {
		return api.Ended(ctx)
	}
	return c.agent.waitGone(200 * time.Millisecond) // the connection breaks before the process is reaped
}
