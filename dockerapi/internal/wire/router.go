package wire

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
)

// Handler answers a request. An error that it returns becomes the answer, so it must have written nothing then.
type Handler func(w http.ResponseWriter, r *Request) error

// Router finds the handler of a request. A pattern is METHOD and a path, in which one {name} stands for anything that is
// not empty, slashes too: images have them in their names.
type Router struct {
	// Header is set on every answer.
	Header map[string]string
	// Logger gets what goes wrong where no client can be told.
	Logger *slog.Logger

	exact  map[string]Handler
	routes []route
}

type route struct {
	method, prefix, suffix string
	handler                Handler
}

// Handle adds a handler. What was added first is found first; a path without {name} goes before all that have one.
func (t *Router) Handle(pattern string, h Handler) {
	method, path, _ := strings.Cut(pattern, " ")
	prefix, rest, named := strings.Cut(path, "{name}")
	if !named {
		if t.exact == nil {
			t.exact = map[string]Handler{}
		}
		t.exact[pattern] = h
		return
	}
	t.routes = append(t.routes, route{method, prefix, rest, h})
}

// find returns the handler and what stands for {name}. Without a handler, other says that another method has one.
func (t *Router) find(method, path string) (h Handler, name string, other bool) {
	if h, ok := t.exact[method+" "+path]; ok {
		return h, "", false
	}
	for _, r := range t.routes {
		if len(path) <= len(r.prefix)+len(r.suffix) || !strings.HasPrefix(path, r.prefix) || !strings.HasSuffix(path, r.suffix) {
			continue
		}
		if r.method == method {
			return r.handler, path[len(r.prefix) : len(path)-len(r.suffix)], false
		}
		other = true
	}
	return nil, "", other
}

// ServeHTTP implements http.Handler.
func (t *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for k, v := range t.Header {
		w.Header().Set(k, v)
	}
	version, path, err := split(r.URL.Path)
	if err != nil {
		Fail(w, err)
		return
	}
	h, name, other := t.find(r.Method, path)
	switch {
	case h == nil && other:
		Fail(w, Errorf(http.StatusMethodNotAllowed, "method %s not allowed for %s", r.Method, path))
		return
	case h == nil:
		Fail(w, NotFound("page not found"))
		return
	}
	out := &answer{ResponseWriter: w}
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			t.Logger.Error("a request panicked", "method", r.Method, "path", path, "panic", p, "stack", string(debug.Stack()))
			if !out.begun {
				Fail(w, Errorf(http.StatusInternalServerError, "%s %s: internal error: %v", r.Method, path, p))
			}
		}
	}()
	if err := h(out, &Request{Request: r, Name: name, Version: version}); err != nil {
		if out.begun {
			t.Logger.Debug("a request failed after its answer had begun", "method", r.Method, "path", path, "error", err)
			return
		}
		Fail(w, err)
	}
}

// answer knows whether it has begun.
type answer struct {
	http.ResponseWriter
	begun bool
}

func (a *answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter {
	return a.ResponseWriter
}
