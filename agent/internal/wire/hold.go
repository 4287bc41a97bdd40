package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/unixsock"
)

// Hold asks the agent at socket for what it does as long as its answer is open, and returns when that has begun. release ends
// it, and reports an error if the agent has ended it before.
func Hold(ctx context.Context, socket string, route api.Route) (release func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+route.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return unixsock.Dial(ctx, socket) },
	}).RoundTrip(req)
	if err != nil {
		return nil, api.Errorf(api.ErrAgentGone, "the agent at %s is gone: %w", socket, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		e := &api.Error{}
		if err := json.NewDecoder(resp.Body).Decode(e); err != nil {
			return nil, fmt.Errorf("the agent at %s answered %s: %w", socket, resp.Status, err)
		}
		return nil, e
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, resp.Body) // nothing comes
	}()
	return sync.OnceValue(func() (err error) {
		select {
		case <-ended:
			err = api.Errorf(api.ErrAgentGone, "the agent at %s has ended what it did for this one", socket)
		default:
		}
		cancel()
		<-ended
		resp.Body.Close()
		return err
	}), nil
}

// Held answers a request of Hold: what is asked for has begun, and goes on until the caller, or the agent of the caller's,
// goes.
func Held(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).Flush(); err != nil { // the caller waits for the header
		return
	}
	<-r.Context().Done()
}
