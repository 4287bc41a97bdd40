package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

// TestFullDisk: an error of a full disk that nobody has explained says so, with the remedy; that of a control group does
// not, and what is explained stays as it is.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want error
		says string
	}{
		{&os.PathError{Op: "write", Path: "/store/f", Err: syscall.ENOSPC}, api.ErrNoSpace, "write /store/f: no space left on device: free some with Prune"},
		{fmt.Errorf("mkdir: %w", syscall.EDQUOT), api.ErrNoSpace, "free some with Prune"},
		{&os.PathError{Op: "write", Path: "/sys/fs/cgroup/x/cpuset.cpus", Err: syscall.ENOSPC}, nil, "no space left on device"},
		{api.Errorf(api.ErrCorrupt, "the archive: %w", syscall.ENOSPC), api.ErrCorrupt, "the archive: no space left on device"},
		{errors.New("other"), nil, "other"},
	} {
		w := httptest.NewRecorder()
		wire.Fail(w, c.err)
		var got api.Error
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Contains(t, got.Message, c.says)
		if c.want == nil {
			require.Empty(t, got.Codes)
		} else {
			require.ErrorIs(t, &got, c.want)
		}
	}
}
