package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Message is a line of a progress: of pulls, pushes, builds and loads.
type Message struct {
	Stream      string       `json:"stream,omitempty"`
	Status      string       `json:"status,omitempty"`
	Progress    string       `json:"progress,omitempty"`
	Detail      *Detail      `json:"progressDetail,omitempty"`
	ID          string       `json:"id,omitempty"`
	ErrorDetail *ErrorDetail `json:"errorDetail,omitempty"`
	Error       string       `json:"error,omitempty"`
	Aux         any          `json:"aux,omitempty"`
}

// Detail is how far something is, in bytes.
type Detail struct {
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
}

// ErrorDetail is how it failed.
type ErrorDetail struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message"`
}

// Progress sends messages. The answer begins with the first of them: an error before that is an error of the request, and
// one after it the last message.
type Progress struct {
	w http.ResponseWriter

	mu   sync.Mutex
	out  *JSONStream
	gone error
}

// NewProgress makes a progress of an answer.
func NewProgress(w http.ResponseWriter) *Progress { return &Progress{w: w} }

// Send sends a message. That the client is gone is told by End.
func (p *Progress) Send(m Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		p.w.Header().Set("Content-Type", "application/json")
		p.out = NewJSONStream(Flushed(p.w))
	}
	if p.gone == nil {
		p.gone = p.out.Send(m)
	}
}

// Status sends a status.
func (p *Progress) Status(id, format string, args ...any) {
	p.Send(Message{ID: id, Status: fmt.Sprintf(format, args...)})
}

// Stream returns a writer whose pieces are messages.
func (p *Progress) Stream() io.Writer { return streamed{p} }

type streamed struct{ p *Progress }

func (s streamed) Write(b []byte) (int, error) {
	s.p.Send(Message{Stream: string(b)})
	return len(b), nil
}

// End ends the progress with an error. It returns the error that is the answer's, if that has not begun.
func (p *Progress) End(err error) error {
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.out == nil {
			p.w.Header().Set("Content-Type", "application/json")
			p.w.WriteHeader(http.StatusOK)
		}
		return p.gone
	}
	p.mu.Lock()
	begun := p.out != nil
	p.mu.Unlock()
	if !begun {
		return err
	}
	detail := &ErrorDetail{Message: err.Error()}
	if c, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		detail.Code = c.ExitCode()
	}
	p.Send(Message{ErrorDetail: detail, Error: err.Error()})
	return nil
}
