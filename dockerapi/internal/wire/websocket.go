package wire

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// WebSocket takes a connection over by the WebSocket protocol (RFC 6455). What the client sends in messages is the
// connection's input, and what is written goes to the client as binary messages.
func WebSocket(w http.ResponseWriter, r *Request, serve func(conn *Conn, out io.Writer)) error {
	key := r.Header.Get("Sec-WebSocket-Key")
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" || r.Header.Get("Sec-WebSocket-Version") != "13" {
		return BadRequest("the request is not a WebSocket handshake of version 13")
	}
	raw, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("take over the connection: %w", err)
	}
	defer raw.Close()
	if a, ok := w.(*answer); ok {
		a.begun = true
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if _, err := fmt.Fprintf(raw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:])); err != nil {
		return err
	}
	out := &messages{w: raw}
	serve(&Conn{Conn: raw, r: &frames{r: bufio.NewReader(unread(rw.Reader, raw)), out: out}}, out)
	_ = out.frame(opClose, []byte{3, 232}) // 1000: the purpose is fulfilled
	return nil
}

const (
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

// maxFrame bounds a message of a client: what a person types, or a program pipes in pieces.
const maxFrame = 1 << 20

// frames is what a client sends, taken out of its frames.
type frames struct {
	r    *bufio.Reader
	out  *messages
	left int64
	mask [4]byte
	at   int
}

func (f *frames) Read(p []byte) (int, error) {
	for f.left == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n, err := f.r.Read(p[:min(int64(len(p)), f.left)])
	for i := range p[:n] {
		p[i] ^= f.mask[f.at%4]
		f.at++
	}
	f.left -= int64(n)
	return n, err
}

// next reads the head of a frame, and answers those that have no data.
func (f *frames) next() error {
	var head [2]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return io.EOF
	}
	op, size := head[0]&15, int64(head[1]&127)
	switch size {
	case 126:
		var n [2]byte
		if _, err := io.ReadFull(f.r, n[:]); err != nil {
			return io.EOF
		}
		size = int64(binary.BigEndian.Uint16(n[:]))
	case 127:
		var n [8]byte
		if _, err := io.ReadFull(f.r, n[:]); err != nil {
			return io.EOF
		}
		size = int64(min(binary.BigEndian.Uint64(n[:]), maxFrame+1))
	}
	if head[1]&128 == 0 || size > maxFrame || op >= opClose && size > 125 {
		return errors.New("a frame that is not valid")
	}
	if _, err := io.ReadFull(f.r, f.mask[:]); err != nil {
		return io.EOF
	}
	f.at = 0
	if op < opClose {
		f.left = size
		return nil
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f.r, data); err != nil {
		return io.EOF
	}
	for i := range data {
		data[i] ^= f.mask[i%4]
	}
	switch op {
	case opClose:
		return errors.New("closed by the client")
	case opPing:
		return f.out.frame(opPong, data)
	}
	return nil
}

// messages writes frames.
type messages struct {
	mu sync.Mutex
	w  io.Writer
}

func (m *messages) Write(p []byte) (int, error) {
	if err := m.frame(opBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (m *messages) frame(op byte, p []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	head := []byte{128 | op, 0}
	switch n := len(p); {
	case n < 126:
		head[1] = byte(n)
	case n < 1<<16:
		head[1] = 126
		head = binary.BigEndian.AppendUint16(head, uint16(n))
	default:
		head[1] = 127
		head = binary.BigEndian.AppendUint64(head, uint64(n))
	}
	_, err := m.w.Write(append(head, p...))
	return err
}
