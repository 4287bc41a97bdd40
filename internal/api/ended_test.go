package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/api"
)

func TestEndedMatchesCauseAndContext(t *testing.T) {
	t.Parallel()
	require.NoError(t, api.Ended(t.Context()))

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, api.Ended(canceled))

	enough := errors.New("enough")
	caused, end := context.WithCancelCause(t.Context())
	end(enough)
	err := api.Ended(caused)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, enough)
	require.EqualError(t, err, "enough")

	late, stop := context.WithDeadlineCause(t.Context(), time.Now(), enough)
	defer stop()
	<-late.Done()
	require.ErrorIs(t, api.Ended(late), context.DeadlineExceeded)
}
