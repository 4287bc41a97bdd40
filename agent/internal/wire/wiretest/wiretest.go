// Package wiretest makes requests to a room's handlers, without a socket and without an owner.
package wiretest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/internal/api"
)

// Ask makes a request and decodes the answer into out, which may be nil. It returns the error that the handler answered
// with.
func Ask(t *testing.T, h http.Handler, route api.Route, in, out any) error {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, route.String(), strings.NewReader(string(b))))
	if w.Code != http.StatusOK {
		var e api.Error
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
			t.Fatalf("%s: status %d, and the body is not an error: %s", route, w.Code, w.Body)
		}
		return &e
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(w.Body.Bytes(), out)
}
