package wait

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTryLimit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ wait, want time.Duration }{
		{500 * time.Millisecond, time.Second}, {15 * time.Second, 1500 * time.Millisecond}, {time.Minute, 6 * time.Second}, {time.Hour, 10 * time.Second},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), tc.wait)
		got := Poll{}.tryLimit(ctx)
		cancel()
		assert.InDelta(t, tc.want, got, float64(100*time.Millisecond), "%v", tc.wait)
	}
	assert.Equal(t, time.Hour, Poll{Within: time.Hour}.tryLimit(t.Context()))
}
