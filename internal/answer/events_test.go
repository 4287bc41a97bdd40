package answer_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/answer"
)

// Work that outlives its request, as a build whose caller went away, may still have something to tell. What net/http
// lends to a handler is another request's by then.
func TestEventsAfterEnd(t *testing.T) {
	t.Parallel()
	events, returned := make(chan *answer.Events), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			close(returned) // the connection's next request: the handler of the first one has returned
			return
		}
		ev := answer.NewEvents(w, nil)
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
	assert.ErrorIs(t, err, answer.ErrEnded)
	assert.ErrorIs(t, ev.Progress("late"), answer.ErrEnded)
}
