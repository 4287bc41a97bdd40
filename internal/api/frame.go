package api

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Kind says what a frame of a stream carries.
type Kind byte

// The kinds of frames.
const (
	Stdin      Kind = iota // owner to agent; an empty one closes the container's stdin
	Stdout                 // agent to owner
	Stderr                 // agent to owner
	Resize                 // owner to agent: Size as JSON
	Signal                 // owner to agent: a signal's name
	Exit                   // agent to owner, last: Result as JSON
	Failure                // agent to owner, last: Error as JSON
	Detached               // agent to owner, last: the detach keys were typed
	Started                // agent to owner: the process runs
	CloseInput             // owner to agent: no more input
	Spec                   // both ways: a runtime specification as JSON
)

// Upgrade is the protocol that attach and exec upgrade to.
const Upgrade = "caisson-stream"

// Size of a terminal, in characters.
type Size struct {
	Width  uint16 `json:"width"`
	Height uint16 `json:"height"`
}

// LogTime is the size of the time, in nanoseconds since 1970 and big endian, that a log's frames begin with.
const LogTime = 8

// MaxFrame bounds a frame's payload, in bytes.
const MaxFrame = 1 << 20

// FrameWriter writes frames; it is safe for concurrent use.
type FrameWriter struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
}

// NewFrameWriter returns a FrameWriter on w.
func NewFrameWriter(w io.Writer) *FrameWriter { return &FrameWriter{w: w} }

// Frame writes one frame, or several when p is longer than MaxFrame.
func (f *FrameWriter) Frame(k Kind, p []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		n := min(len(p), MaxFrame)
		f.buf = append(f.buf[:0], byte(k), 0, 0, 0, 0)
		binary.BigEndian.PutUint32(f.buf[1:], uint32(n))
		f.buf = append(f.buf, p[:n]...)
		if _, err := f.w.Write(f.buf); err != nil {
			return err
		}
		if p = p[n:]; len(p) == 0 {
			return nil
		}
	}
}

// JSON writes one frame with v as JSON.
func (f *FrameWriter) JSON(k Kind, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return f.Frame(k, b)
}

// Stream returns a writer whose writes become frames of kind k.
func (f *FrameWriter) Stream(k Kind) io.Writer { return kindWriter{f, k} }

type kindWriter struct {
	f *FrameWriter
	k Kind
}

func (w kindWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := w.f.Frame(w.k, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// FrameReader reads frames.
type FrameReader struct {
	r   *bufio.Reader
	buf []byte
}

// NewFrameReader returns a FrameReader on r.
func NewFrameReader(r io.Reader) *FrameReader {
	return &FrameReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next frame; the payload is valid until the next call.
func (f *FrameReader) Next() (Kind, []byte, error) {
	var h [5]byte
	if _, err := io.ReadFull(f.r, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(h[1:])
	if n > MaxFrame {
		return 0, nil, fmt.Errorf("stream frame of %d bytes: the limit is %d", n, MaxFrame)
	}
	if cap(f.buf) < int(n) {
		f.buf = make([]byte, n)
	}
	f.buf = f.buf[:n]
	if _, err := io.ReadFull(f.r, f.buf); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return Kind(h[0]), f.buf, nil
}
