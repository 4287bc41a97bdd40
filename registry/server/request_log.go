package server

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Request is a request that a Server has answered.
type Request struct {
	Time       time.Time
	Method     string
	Path       string // with the query, but never a credential: those come in a header
	Repository string
	Reference  string // tag or digest
	User       string // empty when anonymous
	Status     int    // 0 when the connection was cut before an answer
	BytesIn    int64  // of the request's body, as far as it came
	BytesOut   int64  // of the answer's body, as far as it was sent
	Duration   time.Duration
	Fault      bool  // a Fault took part
	Err        error // what the answer reports; nil on success
}

// requestLog is a ring of the last requests.
type requestLog struct {
	mu   sync.Mutex
	keep int
	ring []Request
	next int
}

const defaultKeepRequests = 1000

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.keep == 0:
	case len(l.ring) < l.keep:
		l.ring = append(l.ring, r)
	default:
		l.ring[l.next] = r
		l.next = (l.next + 1) % l.keep
	}
}

// Requests returns the last requests, oldest first, so that a test can say what its client asked for.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return slices.Concat(s.log.ring[s.log.next:], s.log.ring[:s.log.next])
}

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.ring, s.log.next = nil, 0
}

func (s *Server) record(x *exchange, aborted bool) {
	r := Request{
		Time: x.start, Method: x.request.Method, Path: x.request.URL.RequestURI(), Repository: x.route.repo,
		Reference: x.route.reference(), User: x.user, Status: x.status, BytesIn: x.body.in, BytesOut: x.out,
		Duration: since(x.start), Fault: x.fault != nil, Err: x.err,
	}
	if r.Status == 0 && !aborted {
		r.Status = 200 // as net/http answers when a handler writes nothing
	}
	s.log.add(r)
	if s.o.Logger == nil {
		return
	}
	level := slog.LevelInfo
	if r.Status >= 500 || r.Status == 0 {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.Path), slog.Int("status", r.Status),
		slog.Int64("in", r.BytesIn), slog.Int64("out", r.BytesOut), slog.Duration("duration", r.Duration),
		slog.String("remote", x.request.RemoteAddr),
	}
	if r.User != "" {
		attrs = append(attrs, slog.String("user", r.User))
	}
	if r.Err != nil {
		attrs = append(attrs, slog.Any("error", r.Err))
	}
	s.o.Logger.LogAttrs(context.WithoutCancel(x.request.Context()), level, "registry request", attrs...)
}
