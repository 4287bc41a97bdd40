package storage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociref"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func FuzzTagFile(f *testing.F) {
	for _, tag := range []string{"latest", "V1", "v1", "RC-1.0_x", strings.Repeat("Z", 128)} {
		f.Add(tag)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		if tag == "" || !ociref.IsValidTag(tag) {
			return
		}
		file := tagFile(tag)
		require.LessOrEqual(t, len(file), 255)
		require.Equal(t, strings.ToLower(file), file, "it must not depend on case")
		back, ok := tagOfFile(file)
		require.True(t, ok)
		require.Equal(t, tag, back)
	})
}

func TestChunks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var c chunks
	var want []byte
	for len(want) < 12<<20 {
		p := make([]byte, random.IntN(300_000))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		c.write(p)
		want = append(want, p...)
	}
	require.Equal(t, int64(len(want)), c.size)
	require.NoError(t, iotest.TestReader(io.NewSectionReader(&c, 0, 200_000), want[:200_000]))
	for range 100 {
		from := random.IntN(len(want))
		got := make([]byte, random.IntN(1<<20))
		n, err := c.ReadAt(got, int64(from))
		require.Equal(t, n < len(got), err == io.EOF) // ReaderAt returns it bare
		require.True(t, bytes.Equal(want[from:from+n], got[:n]))
	}
	_, err := c.ReadAt(make([]byte, 1), c.size)
	require.ErrorIs(t, err, io.EOF)
}

func TestStaleTemporaryFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenDir(dir, Options{})
	require.NoError(t, err)
	old, young := filepath.Join(dir, "tmp", "old"), filepath.Join(dir, "tmp", "young")
	for _, file := range []string{old, young} {
		require.NoError(t, os.WriteFile(file, nil, 0o600))
	}
	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(old, hourAgo, hourAgo))
	_, err = OpenDir(dir, Options{})
	require.NoError(t, err)
	assert.NoFileExists(t, old)
	assert.FileExists(t, young, "another process may be writing it")
}

// TestDeadUploadsAreSwept starts an upload beside one that nobody has touched for two days.
func TestDeadUploadsAreSwept(t *testing.T) {
	ctx := context.Background()
	d, err := OpenDir(t.TempDir(), Options{})
	require.NoError(t, err)
	start := func(s *Dir) string {
		w, err := s.PushBlobChunked(ctx, "app", 0)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return d.uploadPath("app", w.ID())
	}
	dead := start(d)
	before := time.Now().Add(-48 * time.Hour)
	require.NoError(t, os.Chtimes(dead, before, before))
	other, err := OpenDir(d.root, Options{}) // a process that has not swept yet
	require.NoError(t, err)
	alive := start(other)
	assert.NoFileExists(t, dead)
	assert.FileExists(t, alive)
}

// TestOneWriterAtATime has two processes' worth of stores write to one upload.
func TestOneWriterAtATime(t *testing.T) {
	ctx := context.Background()
	first, err := OpenDir(t.TempDir(), Options{})
	require.NoError(t, err)
	second, err := OpenDir(first.root, Options{})
	require.NoError(t, err)
	w, err := first.PushBlobChunked(ctx, "app", 0)
	require.NoError(t, err)

	brief, cancel := context.WithTimeout(ctx, 3*lockPoll)
	defer cancel()
	_, err = second.PushBlobChunkedResume(brief, "app", w.ID(), -1, 0)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	_, err = w.Write([]byte("content"))
	require.NoError(t, err)
	resumed := make(chan error)
	go func() {
		_, err := second.PushBlobChunkedResume(ctx, "app", w.ID(), -1, 0)
		resumed <- err
	}()
	_, err = w.Commit(digest.FromString("content"))
	require.NoError(t, err)
	require.ErrorIs(t, <-resumed, ociregistry.ErrBlobUploadUnknown, "it waited, and found the upload committed")
}

// TestCollectIsNotStarved collects while other processes' worth of writers hold the lock, so that at no time nobody does.
func TestCollectIsNotStarved(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	root := t.TempDir()
	var writers, began sync.WaitGroup
	for range 8 {
		d, err := OpenDir(root, Options{})
		require.NoError(t, err)
		began.Add(1)
		begin := sync.OnceFunc(began.Done)
		writers.Go(func() {
			defer begin()
			for ctx.Err() == nil {
				done, err := d.shared()
				if !assert.NoError(t, err) {
					return
				}
				begin()
				select { // the work of a writer
				case <-time.After(2 * time.Millisecond):
				case <-ctx.Done():
				}
				done()
			}
		})
	}
	began.Wait()
	d, err := OpenDir(root, Options{})
	require.NoError(t, err)
	collected := make(chan error, 1)
	go func() {
		var err error
		for range 5 {
			_, e := d.Collect(context.Background(), CollectOptions{})
			err = errors.Join(err, e)
		}
		collected <- err
	}()
	select {
	case err := <-collected:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Error("it never gets the lock")
	}
	cancel()
	writers.Wait()
}
