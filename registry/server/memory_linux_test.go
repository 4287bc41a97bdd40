package server_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zeros is a blob of any size.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestMemoryIsFlat sends a small and a large blob through a registry in a directory, and compares what it takes.
func TestMemoryIsFlat(t *testing.T) {
	large := int64(1 << 30)
	if testing.Short() {
		large = 128 << 20
	}
	peaks := map[int64]int{}
	for _, size := range []int64{1 << 20, large} {
		addr, pid, kill := startProcess(t, t.TempDir())
		sum := sha256.New()
		_, err := io.CopyN(sum, zeros{}, size)
		require.NoError(t, err)
		d := digest.NewDigest(digest.SHA256, sum)
		desc := pushBlobFrom(t, addr, d, size)
		resp, err := http.Get("http://" + addr + "/v2/app/blobs/" + desc.String())
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, size, n)
		peaks[size] = peakKiB(t, pid)
		kill()
	}
	t.Logf("peak resident set in KiB, by size of the blob: %v", peaks)
	assert.Less(t, peaks[large]-peaks[1<<20], 32<<10)
}

func pushBlobFrom(t *testing.T, addr string, d digest.Digest, size int64) digest.Digest {
	t.Helper()
	url := "http://" + addr + "/v2/app/blobs/uploads/?digest=" + d.String()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, io.LimitReader(zeros{}, size))
	require.NoError(t, err)
	req.ContentLength = size
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusCreated, resp.StatusCode)
	return d
}

// peakKiB is the largest resident set that a process has had.
func peakKiB(t *testing.T, pid int) (kib int) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		if s, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, err := fmt.Sscan(s, &kib)
			require.NoError(t, err)
		}
	}
	require.Positive(t, kib)
	return kib
}
