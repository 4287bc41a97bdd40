package transfer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.podman.io/image/v5/docker"

	"github.com/caisson-dev/caisson/internal/api"
)

func TestTransient(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"in trouble":        {docker.UnexpectedHTTPStatusError{StatusCode: 502}, true},
		"not found":         {docker.UnexpectedHTTPStatusError{StatusCode: 404}, false},
		"too many requests": {docker.ErrTooManyRequests, false}, // upstream has waited
		"stalled":           {errStalled, true},
		"reset":             {fmt.Errorf("read: %w", syscall.ECONNRESET), true},
		"cut off":           {io.ErrUnexpectedEOF, true},
		"cut off, as text":  {errors.New("reading: EOF"), true},
		"broken":            {&net.OpError{Op: "read", Err: errors.New("x")}, true},
		"refused":           {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, false},
		"removed meanwhile": {errors.New("layer not known"), true},
		"policy":            {api.Errorf(api.ErrPolicy, "x"), false},
	} {
		assert.Equal(t, c.want, transient(c.err), name)
	}
}
