//go:build linux

package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fake is a side that gives what it has, and keeps what it is given.
type fake struct {
	gives string
	fails error         // after what it gives
	waits chan struct{} // before its end; Abort closes it

	mu      sync.Mutex
	got     bytes.Buffer
	ended   bool // its writes are over
	closed  bool
	aborted bool
	once    sync.Once
	full    error // of Write
}

func (f *fake) CopyTo(dst Stream) error {
	if _, err := io.WriteString(dst, f.gives); err != nil {
		return err
	}
	if f.waits != nil {
		<-f.waits
	}
	return f.fails
}

func (f *fake) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full != nil {
		return 0, f.full
	}
	return f.got.Write(b)
}

func (f *fake) CloseWrite() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	return nil
}

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *fake) Abort() {
	f.once.Do(func() {
		if f.waits != nil {
			close(f.waits)
		}
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.aborted = true
}

func TestStreams(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct {
		name       string
		a, b       *fake
		gotA, gotB string
		aborted    bool
	}{
		{"both ways", &fake{gives: "ping"}, &fake{gives: "pong"}, "pong", "ping", false},
		{"nothing", &fake{}, &fake{}, "", "", false},
		{"one fails while the other waits", &fake{gives: "x", fails: broken}, &fake{gives: "y", waits: make(chan struct{})}, "y", "x", true},
		{"one does not take any more", &fake{gives: "x", waits: make(chan struct{})}, &fake{gives: "y"}, "", "x", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name == "one does not take any more" {
				c.a.full = broken
			}
			Streams(c.a, c.b)
			assert.Equal(t, c.gotA, c.a.got.String())
			assert.Equal(t, c.gotB, c.b.got.String())
			for _, f := range []*fake{c.a, c.b} {
				assert.True(t, f.closed)
				assert.Equal(t, c.aborted, f.aborted)
			}
			if !c.aborted {
				assert.True(t, c.a.ended && c.b.ended, "each hears that the other has finished")
			}
		})
	}
}

// pair is a connection over the loopback.
func pair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	s, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); s.Close() })
	for _, end := range []net.Conn{c, s} {
		require.NoError(t, end.SetDeadline(time.Now().Add(30*time.Second)))
	}
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// plain hides that a side is of the kernel's, so that the copy is made here and not by splice(2).
type plain struct{ Host }

// relayed are the ends of two connections with a relay between them.
func relayed(t *testing.T, spliced bool, bufs *Pool) (left, right *net.TCPConn, done chan struct{}) {
	t.Helper()
	left, in := pair(t)
	out, right := pair(t)
	done = make(chan struct{})
	var b Stream = Host{out, bufs}
	if !spliced {
		b = plain{Host{out, bufs}}
	}
	go func() {
		defer close(done)
		Streams(Host{in, bufs}, b)
	}()
	return left, right, done
}

func ended(t *testing.T, done chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the relay goes on")
	}
}

// TestHosts: what is sent arrives, through buffers of every size and by splice, and the end of one direction leaves the other.
func TestHosts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spliced bool
		bufs    *Pool
	}{"splice": {true, nil}, "large": {false, nil}, "medium": {false, Medium}, "small": {false, Small}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left, right, done := relayed(t, c.spliced, c.bufs)
			sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			go func() {
				_, _ = left.Write(sent)
				_ = left.CloseWrite()
			}()
			got, err := io.ReadAll(right) // to the half close
			require.NoError(t, err)
			assert.True(t, bytes.Equal(sent, got))
			_, err = right.Write([]byte("answered after the end"))
			require.NoError(t, err)
			require.NoError(t, right.CloseWrite())
			got, err = io.ReadAll(left)
			require.NoError(t, err)
			assert.Equal(t, "answered after the end", string(got))
			ended(t, done)
		})
	}
}

// TestReset: a connection that is reset resets the other.
func TestReset(t *testing.T) {
	t.Parallel()
	for _, spliced := range []bool{true, false} {
		left, right, done := relayed(t, spliced, nil)
		_, err := left.Write([]byte("x"))
		require.NoError(t, err)
		_, err = io.ReadFull(right, make([]byte, 1))
		require.NoError(t, err)
		Host{TCPConn: left}.Abort()
		_, err = right.Read(make([]byte, 1))
		require.ErrorIs(t, err, unix.ECONNRESET)
		ended(t, done)
	}
}

func TestPools(t *testing.T) {
	t.Parallel()
	for _, p := range []*Pool{Large, Medium, Small} {
		b := p.Get()
		assert.Len(t, b, p.size)
		p.Put(b[:1])
		assert.Len(t, p.Get(), p.size, "a buffer comes back whole")
	}
}

func TestReadDatagram(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer c.Close()
	raw, err := c.(*net.UDPConn).SyscallConn()
	require.NoError(t, err)
	from, err := net.Dial("udp", c.LocalAddr().String())
	require.NoError(t, err)
	defer from.Close()
	for _, size := range []int{0, 1, 60_000} {
		sent := bytes.Repeat([]byte{7}, size)
		_, err := from.Write(sent)
		require.NoError(t, err)
		buf, n, err := ReadDatagram(raw)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(sent, buf[:n]))
		Datagrams.Put(buf)
	}
	require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
	_, _, err = ReadDatagram(raw)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
