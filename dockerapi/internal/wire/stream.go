package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/moby/moby/api/types"
)

// The streams of a frame.
const (
	stdoutFrame = 1
	stderrFrame = 2
)

// Streams are the two ends for what a process writes. With frames both go to one writer, each piece behind a header of 8
// bytes; without, they go there as they are.
type Streams struct{ Stdout, Stderr io.Writer }

// Multiplex makes the streams of a writer. A terminal has no frames.
func Multiplex(w io.Writer, tty bool) Streams {
	if tty {
		return Streams{w, w}
	}
	var mu sync.Mutex
	return Streams{&framed{&mu, w, stdoutFrame}, &framed{&mu, w, stderrFrame}}
}

// Chosen leaves out the streams that the client did not ask for.
func (s Streams) Chosen(stdout, stderr bool) Streams {
	if !stdout {
		s.Stdout = nil
	}
	if !stderr {
		s.Stderr = nil
	}
	return s
}

type framed struct {
	mu   *sync.Mutex
	w    io.Writer
	kind byte
}

func (f *framed) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	frame := make([]byte, 8, 8+len(p))
	frame[0] = f.kind
	binary.BigEndian.PutUint32(frame[4:], uint32(len(p)))
	if _, err := f.w.Write(append(frame, p...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// MediaType is that of a process's output.
func MediaType(v Version, tty bool) string {
	if !tty && v.AtLeast(42) {
		return types.MediaTypeMultiplexedStream
	}
	return types.MediaTypeRawStream
}

// Flushed begins an answer of status 200 and returns a writer that sends every piece at once.
func Flushed(w http.ResponseWriter) io.Writer {
	w.WriteHeader(http.StatusOK)
	f := &flusher{w, http.NewResponseController(w)}
	_ = f.c.Flush() // the writer can't, or the client is gone, which the next write finds
	return f
}

type flusher struct {
	w io.Writer
	c *http.ResponseController
}

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		_ = f.c.Flush()
	}
	return n, err
}

// Hijack takes a connection over for the raw streams of a process. With an Upgrade header the client gets 101 UPGRADED, and
// without one 200, as in Docker.
func Hijack(w http.ResponseWriter, r *Request, mediaType string) (*Conn, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("take over the connection: %w", err)
	}
	head := "HTTP/1.1 200 OK\r\nContent-Type: " + types.MediaTypeRawStream + "\r\n\r\n"
	if proto := r.Header.Get("Upgrade"); proto != "" && !strings.ContainsAny(proto, "\r\n") {
		head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: " + mediaType + "\r\nConnection: Upgrade\r\nUpgrade: " + proto + "\r\n"
		for _, name := range []string{"Api-Version", "Server"} {
			if v := w.Header().Get(name); v != "" {
				head += name + ": " + v + "\r\n"
			}
		}
		head += "\r\n"
	}
	if a, ok := w.(*answer); ok {
		a.begun = true
	}
	if _, err := io.WriteString(conn, head); err != nil {
		conn.Close()
		return nil, err
	}
	return &Conn{Conn: conn, r: unread(rw.Reader, conn)}, nil
}

// unread has what the server had read already, and then the connection itself: the reader of the server would end the
// context of the request at the end of what the client sends.
func unread(r *bufio.Reader, conn net.Conn) io.Reader {
	had, _ := r.Peek(r.Buffered()) // it is there
	return io.MultiReader(bytes.NewReader(bytes.Clone(had)), conn)
}

// Conn is a connection that was taken over.
type Conn struct {
	net.Conn
	r io.Reader
}

// Read has what the server had read before, first.
func (c *Conn) Read(p []byte) (int, error) { return c.r.Read(p) }

// Finish ends what is sent, and closes the connection.
func (c *Conn) Finish() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.Close()
}

// JSONStream writes values one by one, each sent at once.
type JSONStream struct {
	enc *json.Encoder
}

// NewJSONStream makes a stream of a writer.
func NewJSONStream(w io.Writer) *JSONStream {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &JSONStream{enc}
}

// Send writes a value.
func (s *JSONStream) Send(v any) error { return s.enc.Encode(v) }

// ErrGone says that the client has left.
var ErrGone = errors.New("the client has closed the connection")
