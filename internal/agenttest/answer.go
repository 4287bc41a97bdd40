//go:build linux

package agenttest

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"

	"github.com/caisson-dev/caisson/internal/answer"
	"github.com/caisson-dev/caisson/internal/api"
)

// Answer answers with v.
func Answer(v any) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, _ io.Reader) {
		answer.JSON(w, v)
	}
}

// Fail answers with an error, as an agent that can't do what it was asked for.
func Fail(err error) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, _ io.Reader) {
		answer.Error(w, err)
	}
}

// Raw answers with a status and bytes that may be nonsense.
func Raw(status int, body string) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, _ io.Reader) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client has gone when this fails
	}
}

// Hang does not answer, and ends when the client has gone.
func Hang() Handler {
	return func(_ http.ResponseWriter, r *http.Request, _ json.RawMessage, _ io.Reader) {
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // what it would answer is not 200
	}
}

// Events answers with events, the last of which has Done or Err if the stream is to be whole.
func Events(events ...api.Event) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, body io.Reader) {
		_, _ = io.Copy(io.Discard, body) // the client has gone when this fails, and so it is below
		stream := answer.NewEvents(w, nil)
		for _, ev := range events {
			_ = stream.Send(ev)
		}
	}
}

// Progress is an event with v.
func Progress(v any) api.Event { return api.Event{Progress: mustJSON(v)} }

// Done is the last event of what succeeded.
func Done(v any) api.Event { return api.Event{Done: true, Result: mustJSON(v)} }

// Failed is the last event of what failed.
func Failed(err error) api.Event { return api.Event{Err: api.ToError(err)} }

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Stream answers with bytes that may be nonsense, in a two-way stream if that was asked for.
func Stream(raw string) Handler {
	return func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		h := Raw(http.StatusOK, raw)
		if r.Header.Get("Upgrade") != "" {
			h = Upgrade(func(c *Conn) { _, _ = io.WriteString(c, raw) }) // the client has gone when this fails
		}
		h(w, r, in, body)
	}
}

// Frame is a frame of a stream: Data as it is, or else JSON.
type Frame struct {
	Kind api.Kind
	Data string
	JSON any
}

func (f Frame) write(fw *api.FrameWriter) error {
	if f.JSON != nil {
		return fw.JSON(f.Kind, f.JSON)
	}
	return fw.Frame(f.Kind, []byte(f.Data))
}

// Frames answers with frames.
func Frames(frames ...Frame) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, _ io.Reader) {
		fw := api.NewFrameWriter(w)
		for _, f := range frames {
			_ = f.write(fw) // the client has gone when this fails, and so it is below
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// Then serves by two handlers, one after the other: Frames and Hang are a stream that stays open.
func Then(first, second Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		first(w, r, in, body)
		_ = http.NewResponseController(w).Flush() // the client has gone when this fails
		second(w, r, in, body)
	}
}

// Conn is the agent's end of a two-way stream.
type Conn struct {
	net.Conn
	In  *api.FrameReader
	Out *api.FrameWriter
	// Buffered reads from Conn behind what came with the request.
	Buffered *bufio.Reader
}

// Send writes frames.
func (c *Conn) Send(frames ...Frame) error {
	for _, f := range frames {
		if err := f.write(c.Out); err != nil {
			return err
		}
	}
	return nil
}

// Upgrade answers with a two-way stream, which ends when f returns.
func Upgrade(f func(c *Conn)) Handler {
	return func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, _ io.Reader) {
		conn, in, err := answer.Upgrade(w)
		if err != nil {
			return // the client has gone
		}
		defer conn.Close()
		f(&Conn{Conn: conn, In: api.NewFrameReader(in), Out: api.NewFrameWriter(conn), Buffered: in})
	}
}
