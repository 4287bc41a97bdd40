package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

// Work that outlives its request, as a build whose caller went away, may still have something to tell. What net/http
// lends to a handler is another request's by then.
func TestEventsAfterEnd(t *testing.T) {
	events, returned := make(chan *wire.Events), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			close(returned) // the connection's next request: the handler of the first one has returned
			return
		}
		ev := wire.NewEvents(w)
		_, err := ev.Write([]byte("running"))
		assert.NoError(t, err)
		ev.End("result", nil)
		go func() { events <- ev }()
	}))
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/events")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 2, strings.Count(string(body), "\n"))
	ev := <-events
	_, err = http.Get(srv.URL)
	require.NoError(t, err)
	<-returned
	_, err = ev.Write([]byte(strings.Repeat("late", 10000)))
	assert.ErrorIs(t, err, wire.ErrEnded)
	assert.ErrorIs(t, ev.Progress("late"), wire.ErrEnded)
}

// TestFullDisk: an error of a full disk that nobody has explained says so, with the remedy; that of a control group does
// not, and what is explained stays as it is.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want error
		says string
	}{
		{&os.PathError{Op: "write", Path: "/store/f", Err: syscall.ENOSPC}, api.ErrNoSpace, "write /store/f: no space left on device: free some with Prune"},
		{fmt.Errorf("mkdir: %w", syscall.EDQUOT), api.ErrNoSpace, "free some with Prune"},
		{&os.PathError{Op: "write", Path: "/sys/fs/cgroup/x/cpuset.cpus", Err: syscall.ENOSPC}, nil, "no space left on device"},
		{api.Errorf(api.ErrCorrupt, "the archive: %w", syscall.ENOSPC), api.ErrCorrupt, "the archive: no space left on device"},
		{errors.New("other"), nil, "other"},
	} {
		w := httptest.NewRecorder()
		wire.Fail(w, c.err)
		var got api.Error
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Contains(t, got.Message, c.says)
		if c.want == nil {
			require.Empty(t, got.Codes)
		} else {
			require.ErrorIs(t, &got, c.want)
		}
	}
}
