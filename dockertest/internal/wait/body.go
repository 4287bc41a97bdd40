package wait

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// longestBody is how much of a body is searched.
const longestBody = 1 << 20

// Search reads a body until it has text. A stream need not end for that.
func Search(body io.Reader, text []byte) (read []byte, found bool, err error) {
	buf := make([]byte, 32<<10)
	for len(read) < longestBody {
		n, err := body.Read(buf[:min(len(buf), longestBody-len(read))])
		from := max(0, len(read)-len(text))
		read = append(read, buf[:n]...)
		if bytes.Contains(read[from:], text) {
			return read, true, nil
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return read, false, err
		}
	}
	return read, false, nil
}

// Beginning is what a message tells of a body, which may never end: what comes in a moment.
func Beginning(body io.Reader, cancel context.CancelFunc) []byte {
	timer := time.AfterFunc(2*Grace, cancel)
	defer timer.Stop()
	buf := make([]byte, 512)
	n, _ := io.ReadFull(body, buf) // what has come
	return buf[:n]
}

// Short is as much of a body as a message should have.
func Short(body []byte) string {
	body = bytes.TrimSpace(body)
	if len(body) > 200 {
		body = append(body[:200:200], "…"...)
	}
	return string(body)
}
