package container_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// lateReader reads nothing until it may.
type lateReader struct {
	may  <-chan struct{}
	into io.Writer
}

func (l lateReader) Write(p []byte) (int, error) {
	<-l.may
	return l.into.Write(p)
}

// TestLogLimitSlowReaders: a container with a limit ends, and is removed, while its readers still stand at its
// beginning; the attached one gets the whole, the follower goes on.
func TestLogLimitSlowReaders(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	const size = 8 << 20
	c := create(t, e, container.Options{
		Cmd: []string{"spam", fmt.Sprint(size)}, AutoRemove: true, Log: container.LogConfig{MaxSize: 64 << 10, MaxFiles: 2},
	})
	may := make(chan struct{})
	var attached, followed bytes.Buffer
	att, err := c.Attach(ctx, container.AttachOptions{Stdout: lateReader{may, &attached}})
	require.NoError(t, err)
	require.NoError(t, c.Start(ctx))
	done := make(chan error, 1)
	go func() {
		done <- c.Logs(ctx, container.LogsOptions{Follow: true, Stdout: lateReader{may, &followed}})
	}()
	_, err = c.Wait(ctx)
	require.NoError(t, err, "no reader holds it up")
	close(may)
	_, err = att.Wait()
	require.NoError(t, err)
	assert.Equal(t, size, attached.Len())
	if err := <-done; err != nil {
		require.ErrorIs(t, err, container.ErrNotFound, "it came after the removal")
	}
	if followed.Len() > 0 {
		assert.True(t, bytes.HasSuffix(attached.Bytes(), followed.Bytes()[followed.Len()-1000:]))
	}
}
