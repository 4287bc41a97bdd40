package forward_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest/internal/forward"
)

// TestPort: a client's end is passed on, so that a server that answers at the end of its input does; the answer comes whole.
func TestPort(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b, _ := io.ReadAll(c)
				_, _ = c.Write(append([]byte("got "), b...))
			}()
		}
	}()
	p, err := forward.Listen(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Addr().String())
	})
	require.NoError(t, err)
	defer p.Close()
	require.Equal(t, "127.0.0.1", p.Addr().Addr().String())

	c := dial(t, p)
	_, err = io.WriteString(c, "hello")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	b, err := io.ReadAll(c)
	require.NoError(t, err)
	assert.Equal(t, "got hello", string(b))
}

// TestUnreached: a client sees its connection end when the container is not reached.
func TestUnreached(t *testing.T) {
	t.Parallel()
	p, err := forward.Listen(func(context.Context) (net.Conn, error) { return nil, errors.New("refused") })
	require.NoError(t, err)
	defer p.Close()
	_, err = dial(t, p).Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
}

// TestClose ends connections that are open.
func TestClose(t *testing.T) {
	t.Parallel()
	inside, outside := net.Pipe()
	defer inside.Close()
	p, err := forward.Listen(func(context.Context) (net.Conn, error) { return outside, nil })
	require.NoError(t, err)
	c := dial(t, p)
	_, err = io.WriteString(c, "x")
	require.NoError(t, err)
	_, err = inside.Read(make([]byte, 1)) // it is connected
	require.NoError(t, err)
	p.Close()
	_, err = io.ReadAll(c)
	if err != nil { // a reset is an end, too
		var ne net.Error
		require.ErrorAs(t, err, &ne)
		assert.False(t, ne.Timeout())
	}
	_, err = net.Dial("tcp", p.Addr().String())
	assert.Error(t, err)
}

func dial(t *testing.T, p *forward.Port) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}
