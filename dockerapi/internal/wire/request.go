package wire

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Request is a request, without the version in its path.
type Request struct {
	*http.Request
	Name    string // what stands for {name} in the pattern
	Version Version

	query url.Values
}

// Query is a value of the query; empty if it is not given.
func (r *Request) Query(name string) string { return r.Values()[name].first() }

type list []string

func (l list) first() string {
	if len(l) == 0 {
		return ""
	}
	return l[0]
}

// Values are those of the query.
func (r *Request) Values() map[string]list {
	if r.query == nil {
		r.query = r.URL.Query()
	}
	out := make(map[string]list, len(r.query))
	for k, v := range r.query {
		out[k] = v
	}
	return out
}

// All are the values of a name in the query.
func (r *Request) All(name string) []string { return r.Values()[name] }

// Has says whether the query names it.
func (r *Request) Has(name string) bool {
	_, ok := r.Values()[name]
	return ok
}

// Bool reads a value as Docker does: all but the empty one, 0, no, false and none is true.
func (r *Request) Bool(name string) bool {
	s := strings.ToLower(strings.TrimSpace(r.Query(name)))
	return s != "" && s != "0" && s != "no" && s != "false" && s != "none"
}

// BoolOr is Bool, or a default if the query does not name it.
func (r *Request) BoolOr(name string, otherwise bool) bool {
	if !r.Has(name) {
		return otherwise
	}
	return r.Bool(name)
}

// Int reads a number; 0 if it is not given.
func (r *Request) Int(name string) (int64, error) {
	s := r.Query(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, BadRequest("invalid value %q for %s: it is not a number", s, name)
	}
	return n, nil
}

// maxBody bounds the JSON of a request. The largest that clients send are configurations with seccomp profiles and
// labels, of some hundred kilobytes.
const maxBody = 16 << 20

// Decode reads the JSON body. An empty body leaves v as it is, if that is allowed.
func (r *Request) Decode(v any, mayBeEmpty bool) error {
	body := io.LimitReader(r.Body, maxBody+1)
	b, err := io.ReadAll(body)
	switch {
	case err != nil:
		return BadRequest("read the request: %w", err)
	case len(b) > maxBody:
		return Errorf(http.StatusRequestEntityTooLarge, "the request's body is larger than %d bytes", maxBody)
	case len(b) == 0 && mayBeEmpty:
		return nil
	case len(b) == 0:
		return BadRequest("invalid JSON: got EOF while reading request body")
	}
	if ct := r.Header.Get("Content-Type"); ct != "" && ct != "application/json" && !strings.HasPrefix(ct, "application/json;") && !strings.HasPrefix(ct, "text/plain") {
		return BadRequest("unsupported Content-Type header (%s): must be 'application/json'", ct)
	}
	dec := json.NewDecoder(strings.NewReader(string(b)))
	if err := dec.Decode(v); err != nil {
		return BadRequest("invalid JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return BadRequest("unexpected content after JSON")
	}
	return nil
}

// Reply answers with JSON.
func Reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client is gone when it fails
}

// OK answers 200 with JSON.
func OK(w http.ResponseWriter, v any) error {
	Reply(w, http.StatusOK, v)
	return nil
}

// Empty answers with a status alone.
func Empty(w http.ResponseWriter, status int) error {
	w.WriteHeader(status)
	return nil
}
