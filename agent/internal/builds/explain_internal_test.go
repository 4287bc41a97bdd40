//go:build linux

package builds

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
)

// TestCauseOf: a full disk is told of as such, with the remedy once, wherever in a step it was met.
func TestCauseOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want string
		full bool
	}{
		{"a command", &work.ExitError{Code: 3}, "exit code 3", false},
		{"a command on a full disk", fmt.Errorf("run: %w", &work.ExitError{Code: 3, Full: true}), "exit code 3, and the disk of the store is full: " + diskspace.Remedy, true},
		{"a commit", fmt.Errorf("commit the step: %w", &os.PathError{Op: "write", Path: "/x", Err: unix.ENOSPC}), "commit the step: write /x: no space left on device: " + diskspace.Remedy, true},
		{"a quota", unix.EDQUOT, "disk quota exceeded: " + diskspace.Remedy, true},
		{"one that is explained", api.Errorf(api.ErrNoSpace, "full: %w: do so", unix.ENOSPC), "full: no space left on device: do so", true},
		{"another", errors.New("no file f"), "no file f", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := causeOf(c.err)
			require.EqualError(t, got, c.want)
			require.Equal(t, c.full, errors.Is(got, api.ErrNoSpace))
		})
	}
}
