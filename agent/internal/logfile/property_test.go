package logfile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/logfile"
)

// TestHalfWritten: a record whose first part is in the file already, as a reader beside a writer finds it, is read when
// it is whole.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	for _, part := range []int{1, 8, 15, 16, 17, 26} {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			l, path := open(t, logfile.Limit{})
			r := begin(t, l)
			lines(t, r, 0, 2)
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			require.NoError(t, err)
			_, err = f.Write(whole[27 : 27+part])
			require.NoError(t, err)
			require.NoError(t, f.Close())
			follower, err := r.Read(logfile.Pos{})
			require.NoError(t, err)
			for i := range 2 {
				e, err := follower.Follow(t.Context(), r)
				require.NoError(t, err)
				assert.Equal(t, line(i), string(e.Data))
			}
			assert.False(t, follower.Ready(r))
			lines(t, r, 2, 4)
			for i := range 2 {
				e, err := follower.Follow(t.Context(), r)
				require.NoError(t, err)
				assert.Equal(t, line(2+i), string(e.Data))
			}
			require.NoError(t, follower.Close())
		})
	}
}

// TestDamageIsTold: what the writer has written and is not there any more is an error, not the end.
func TestDamageIsTold(t *testing.T) {
	t.Parallel()
	l, path := open(t, logfile.Limit{})
	r := begin(t, l)
	lines(t, r, 0, 10)
	follower, err := r.Read(logfile.Pos{})
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 100))
	var last error
	for last == nil {
		_, last = follower.Follow(t.Context(), r)
	}
	require.NotErrorIs(t, last, io.EOF)
	require.ErrorContains(t, last, "log is damaged: no whole record at byte 81 of file 1")
	require.NoError(t, follower.Close())
}

// written is what the writer has written so far.
type written struct {
	mu   sync.Mutex
	text []byte
}

// TestReadersBesideAWriter: readers of all kinds, while a writer writes chunks of all sizes into files of all sizes. None
// loses, tears or repeats a byte, and none has an error.
func TestReadersBesideAWriter(t *testing.T) {
	t.Parallel()
	runs := 20
	if testing.Short() {
		runs = 5
	}
	for i := range runs {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			t.Logf("seed %d", seed)
			besideAWriter(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

func besideAWriter(t *testing.T, rnd *rand.Rand) {
	limit := logfile.Limit{}
	if rnd.IntN(3) > 0 {
		limit = logfile.Limit{Size: 1024 + rnd.Int64N(200<<10), Files: rnd.IntN(4)}
	}
	l, _ := open(t, limit)
	run := begin(t, l)
	all := &written{}
	ctx := t.Context()
	var readers sync.WaitGroup
	follow := func(rd *logfile.Reader, err error, from int) {
		if !assert.NoError(t, err) {
			return
		}
		seed := rnd.Uint64()
		readers.Go(func() {
			got, err := followed(ctx, rd, run, rand.New(rand.NewPCG(seed, 1)))
			assert.NoError(t, err)
			all.mu.Lock()
			defer all.mu.Unlock()
			same(t, all.text[from:], got)
		})
	}
	first, err := run.Read(run.From())
	follow(first, err, 0)
	for range 200 + rnd.IntN(400) {
		switch rnd.IntN(20) {
		case 0: // one that comes now and wants the rest, as attach does
			rd, err := run.Read(run.End())
			follow(rd, err, len(all.text))
		case 1: // one that reads what there is
			rd, err := l.Read(logfile.Pos{})
			require.NoError(t, err)
			end := len(all.text)
			readers.Go(func() {
				got, err := drained(rd)
				assert.NoError(t, err)
				all.mu.Lock()
				defer all.mu.Unlock()
				assert.True(t, bytes.HasSuffix(all.text[:end], got), "it is the end of what there was")
				if limit.Size == 0 {
					assert.Len(t, got, end)
				}
			})
		case 2: // the last lines
			n := rnd.IntN(30)
			rd, err := l.ReadTail(n)
			require.NoError(t, err)
			got, err := drained(rd)
			require.NoError(t, err)
			assert.True(t, bytes.HasSuffix(all.text, got))
			if limit.Size == 0 {
				same(t, lastLines(all.text, n), got)
			}
		}
		chunk := randomChunk(rnd)
		all.mu.Lock()
		all.text = append(all.text, chunk...)
		all.mu.Unlock()
		stream := logfile.Stdout
		if rnd.IntN(2) == 0 {
			stream = logfile.Stderr
		}
		require.NoError(t, run.Copy(stream, bytes.NewReader(chunk)))
	}
	require.NoError(t, run.Close())
	readers.Wait()
}

// randomChunk has lines, of lengths from none to many times a file's.
func randomChunk(rnd *rand.Rand) []byte {
	size := 1 + rnd.IntN(200)
	switch rnd.IntN(30) {
	case 0:
		size = 1 + rnd.IntN(3*logfile.MaxChunk)
	case 1, 2:
		size = 1 + rnd.IntN(5000)
	}
	b := make([]byte, size)
	for i := range b {
		b[i] = byte('a' + rnd.IntN(26))
		if rnd.IntN(40) == 0 {
			b[i] = '\n'
		}
	}
	return b
}

// followed reads to the end of a run, at its own pace.
func followed(ctx context.Context, rd *logfile.Reader, run *logfile.Run, rnd *rand.Rand) (got []byte, err error) {
	defer func() { err = errors.Join(err, rd.Close()) }()
	for {
		if rnd.IntN(50) == 0 {
			rd.Ready(run)
		}
		e, err := rd.Follow(ctx, run)
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, e.Data...)
	}
}

func drained(rd *logfile.Reader) (got []byte, err error) {
	defer func() { err = errors.Join(err, rd.Close()) }()
	for {
		e, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, e.Data...)
	}
}

// same compares without printing megabytes.
func same(t *testing.T, want, got []byte) {
	t.Helper()
	if bytes.Equal(want, got) {
		return
	}
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	t.Errorf("%d bytes were read of %d, and differ from byte %d on", len(got), len(want), i)
}

// lastLines are the last n lines; one that is not ended counts.
func lastLines(text []byte, n int) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return bytes.Join(lines[max(0, len(lines)-n):], nil)
}
