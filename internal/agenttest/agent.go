//go:build linux

package agenttest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/client"
	"github.com/caisson-dev/caisson/internal/unixsock"
)

// Agent is an agent that a test plays. It starts when its store is opened, and anew when it has ended and the store is
// opened again.
type Agent struct {
	// Root and RunRoot are the directories of its store.
	Root, RunRoot string

	t        testing.TB
	mux      http.ServeMux
	handlers sync.WaitGroup

	mu       sync.Mutex
	hello    *api.Hello
	routes   map[api.Route]Handler
	life     *life
	requests []Request
}

// Request is one that an Agent has got.
type Request struct {
	Route api.Route       // as it stands in package api
	ID    string          // what the route's id was filled in with
	In    json.RawMessage // the body, or what comes before the stream in it; nil when there is none
}

// Handler answers a request. body is what comes after in.
type Handler func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader)

// New returns an agent for a store of its own. When the test ends, all that it has served must have ended, too.
func New(t testing.TB) *Agent {
	t.Helper()
	dir := t.TempDir()
	a := &Agent{t: t, Root: filepath.Join(dir, "root"), RunRoot: filepath.Join(dir, "run"), routes: map[api.Route]Handler{}}
	for _, route := range api.Routes() {
		a.mux.HandleFunc(route.Pattern(), func(w http.ResponseWriter, r *http.Request) { a.serve(route, w, r) })
	}
	remove := client.Fake(a.Root, a.start)
	t.Cleanup(func() {
		remove()
		a.Die("the test is over")
		done := make(chan struct{})
		go func() {
			a.handlers.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the agent still serves a request after its end")
		}
	})
	return a
}

// Handle sets the handler of a route, instead of the one that it has. A request of a route without one fails the test.
func (a *Agent) Handle(route api.Route, h Handler) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.routes[route] = h
}

// HandleAll sets the handler of all routes.
func (a *Agent) HandleAll(h Handler) {
	for _, r := range api.Routes() {
		a.Handle(r, h)
	}
}

// serve notes a request and answers by the route's handler.
func (a *Agent) serve(route api.Route, w http.ResponseWriter, r *http.Request) {
	in, body, err := split(r.Body)
	if err != nil {
		return // the client has gone
	}
	a.mu.Lock()
	a.requests = append(a.requests, Request{Route: route, ID: r.PathValue("id"), In: in})
	h := a.routes[route]
	a.mu.Unlock()
	if h == nil {
		a.t.Errorf("the agent has no handler of %s", route)
		h = Raw(http.StatusNotFound, "")
	}
	h(w, r, in, body)
}

// split reads the JSON of a request. Where no stream follows it reads to the end, after which net/http sees a client go.
func split(body io.Reader) (json.RawMessage, io.Reader, error) {
	br := bufio.NewReader(body)
	line, err := br.ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if len(line) == 0 {
		return nil, br, nil
	}
	return json.RawMessage(strings.TrimSpace(string(line))), br, nil
}

// Socket is where the agent serves, as ContainerSocket answers.
func (a *Agent) Socket() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.life.socket
}

// Requests are those that have come so far.
func (a *Agent) Requests() []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// Hello makes the agent say h when it starts. What is empty in it is filled in.
func (a *Agent) Hello(h api.Hello) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hello = &h
}

// Log sends a record to the owner's logger.
func (a *Agent) Log(rec api.Log) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = json.NewEncoder(a.life.line).Encode(rec) // the owner has closed the store when this fails
}

// Die ends the agent at once, as by a signal: connections break, and state is what its process's end is described by.
func (a *Agent) Die(state string, lastWords ...string) {
	a.mu.Lock()
	l := a.life
	a.mu.Unlock()
	if l != nil {
		l.end(exit{state: state}, lastWords...)
	}
}

// exit is how an agent ended.
type exit struct {
	state string
	ok    bool
}

func (e exit) Success() bool  { return e.ok }
func (e exit) String() string { return e.state }

// life is one start of an agent.
type life struct {
	a      *Agent
	socket string
	server *http.Server
	line   net.Conn
	stderr *os.File

	cancel context.CancelFunc // of what is being served

	once sync.Once
	exit exit
	done chan struct{}

	mu    sync.Mutex
	conns map[net.Conn]bool // hijacked ones too
	over  bool
}

// start is a client.Launch.
func (a *Agent) start(_ string, stderr, lifeline *os.File) (func() (client.Exit, error), error) {
	l := &life{a: a, stderr: stderr, done: make(chan struct{}), conns: map[net.Conn]bool{}}
	var err error
	if l.line, err = net.FileConn(lifeline); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(a.RunRoot, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(a.RunRoot, "agent")
	if err != nil {
		return nil, err
	}
	l.socket = filepath.Join(dir, "sock")
	listener, err := unixsock.Listen(l.socket)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.server = &http.Server{
		Handler: http.HandlerFunc(l.serve), ConnState: l.track,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.life = l
	h := api.Hello{Protocol: api.Protocol, Version: client.FakeVersion, Socket: l.socket}
	if a.hello != nil {
		h = *a.hello
		if h.Socket == "" {
			h.Socket = l.socket
		}
		if h.Version == "" {
			h.Version = client.FakeVersion
		}
		if h.Protocol == "" {
			h.Protocol = api.Protocol
		}
	}
	go func() { _ = l.server.Serve(listener) }() // it ends with the agent
	go l.hold(h)
	return func() (client.Exit, error) {
		<-l.done
		return l.exit, nil
	}, nil
}

// hold says hello and waits until the owner has gone.
func (l *life) hold(h api.Hello) {
	_ = json.NewEncoder(l.line).Encode(h) // the owner has gone when this fails
	_, _ = io.Copy(io.Discard, l.line)
	l.end(exit{state: "exit status 0", ok: true})
}

func (l *life) end(e exit, lastWords ...string) {
	l.once.Do(func() {
		l.exit = e
		_, _ = l.stderr.WriteString(strings.Join(lastWords, "\n"))
		l.server.Close()
		l.mu.Lock()
		l.over = true
		for c := range l.conns {
			c.Close()
		}
		l.mu.Unlock()
		l.cancel() // now that no handler can answer any more
		close(l.done)
		l.line.Close()
	})
}

// track keeps the connections, to break them at the end. A hijacked one is not the server's any more.
func (l *life) track(c net.Conn, st http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st == http.StateClosed {
		delete(l.conns, c)
		return
	}
	l.conns[c] = true
	if l.over {
		c.Close()
	}
}

func (l *life) serve(w http.ResponseWriter, r *http.Request) {
	l.a.handlers.Add(1)
	defer l.a.handlers.Done()
	if _, pattern := l.a.mux.Handler(r); pattern == "" {
		l.a.t.Errorf("the agent has no route %s %s", r.Method, r.URL)
	}
	l.a.mux.ServeHTTP(w, r)
}
