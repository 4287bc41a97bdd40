package logfile_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/logfile"
)

// open returns a log in a directory of its own, and its path.
func open(t *testing.T, limit logfile.Limit) (*logfile.Log, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	l, err := logfile.Open(path, limit)
	require.NoError(t, err)
	return l, path
}

func begin(t *testing.T, l *logfile.Log) *logfile.Run {
	t.Helper()
	r, err := l.Begin()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// lines writes numbered lines, each a chunk of its own.
func lines(t *testing.T, r *logfile.Run, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, r.Copy(logfile.Stdout, strings.NewReader(line(i))))
	}
}

func line(i int) string { return fmt.Sprintf("line %05d\n", i) }

func all(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(line(i))
	}
	return b.String()
}

// rest reads to the end.
func rest(t *testing.T, next func() (logfile.Entry, error)) string {
	t.Helper()
	var b strings.Builder
	for {
		e, err := next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		require.NoError(t, err)
		b.Write(e.Data)
	}
}

func read(t *testing.T, l *logfile.Log) string {
	t.Helper()
	r, err := l.Read(logfile.Pos{})
	require.NoError(t, err)
	defer r.Close()
	return rest(t, r.Next)
}

func files(t *testing.T, path string) (n int, size int64) {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	for _, name := range names {
		st, err := os.Stat(name)
		require.NoError(t, err)
		size += st.Size()
	}
	return len(names), size
}

func TestUnbounded(t *testing.T) {
	l, path := open(t, logfile.Limit{})
	assert.Empty(t, read(t, l))
	lines(t, begin(t, l), 0, 5000)
	assert.Equal(t, all(0, 5000), read(t, l))
	n, _ := files(t, path)
	assert.Equal(t, 1, n)
}

// TestRotation: a line and its header are 27 bytes, so that 37 lines fill a file of 1000.
func TestRotation(t *testing.T) {
	for _, tc := range []struct {
		name      string
		maxFiles  int
		files     int
		firstLine int
	}{
		{"one file", 1, 1, 999},
		{"none given is one", 0, 1, 999},
		{"three", 3, 3, 925},
		{"more than there are", 100, 28, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, path := open(t, logfile.Limit{Size: 1000, Files: tc.maxFiles})
			r := begin(t, l)
			lines(t, r, 0, 1000)
			n, size := files(t, path)
			assert.Equal(t, tc.files, n)
			assert.LessOrEqual(t, size, int64(1000*tc.files))
			assert.Equal(t, all(tc.firstLine, 1000), read(t, l))

			// Another process, and the same one's next run, find what there is and go on.
			other, err := logfile.Open(path, logfile.Limit{Size: 1000, Files: tc.maxFiles})
			require.NoError(t, err)
			assert.Equal(t, all(tc.firstLine, 1000), read(t, other))
			require.NoError(t, r.Close())
			lines(t, begin(t, other), 1000, 1001)
			assert.Equal(t, all(tc.firstLine, 1001), read(t, other))
		})
	}
}

// TestReadersLoseNothing: one reads from the beginning while ten times what is kept is written; its files go when it
// has read them.
func TestReadersLoseNothing(t *testing.T) {
	l, path := open(t, logfile.Limit{Size: 1000, Files: 2})
	r := begin(t, l)
	lines(t, r, 0, 10)
	follower, err := l.Read(logfile.Pos{})
	require.NoError(t, err)
	stays, err := l.Read(logfile.Pos{}) // what there is now, read later
	require.NoError(t, err)
	lines(t, r, 10, 1000)
	n, _ := files(t, path)
	assert.Equal(t, 28, n, "kept for the readers")
	assert.Equal(t, all(962, 1000), read(t, l), "one that comes now gets what the limit keeps")
	assert.Equal(t, all(0, 10), rest(t, stays.Next))
	require.NoError(t, stays.Close())

	var got strings.Builder
	for follower.Ready(r) {
		e, err := follower.Follow(t.Context(), r)
		require.NoError(t, err)
		got.Write(e.Data)
	}
	assert.Equal(t, all(0, 1000), got.String())
	n, _ = files(t, path)
	assert.Equal(t, 2, n, "they went when they were read")

	// The next run begins before the follower has read the end of this one.
	lines(t, r, 1000, 1100)
	require.NoError(t, r.Close())
	next := begin(t, l)
	lines(t, next, 1100, 1300)
	assert.Equal(t, all(1000, 1100), rest(t, func() (logfile.Entry, error) { return follower.Follow(t.Context(), r) }))
	require.NoError(t, next.Close())
	assert.Equal(t, all(1100, 1300), rest(t, func() (logfile.Entry, error) { return follower.Follow(t.Context(), next) }))
	require.NoError(t, follower.Close())
	n, _ = files(t, path)
	assert.Equal(t, 2, n)
}

func TestReadersThatGoLetGo(t *testing.T) {
	l, path := open(t, logfile.Limit{Size: 1000})
	r := begin(t, l)
	lines(t, r, 0, 1)
	reader, err := l.Read(logfile.Pos{})
	require.NoError(t, err)
	lines(t, r, 1, 100)
	n, _ := files(t, path)
	assert.Equal(t, 3, n)
	require.NoError(t, reader.Close())
	n, _ = files(t, path)
	assert.Equal(t, 1, n)
}

func TestTailOverFiles(t *testing.T) {
	l, _ := open(t, logfile.Limit{Size: 1000, Files: 3})
	r := begin(t, l)
	lines(t, r, 0, 1000) // 925 on are kept
	for _, tc := range []struct{ n, first int }{{0, 1000}, {1, 999}, {2, 998}, {38, 962}, {60, 940}, {75, 925}, {500, 925}} {
		reader, err := l.ReadTail(tc.n)
		require.NoError(t, err)
		assert.Equal(t, all(tc.first, 1000), rest(t, reader.Next), "last %d", tc.n)
		require.NoError(t, reader.Close())
	}
}

// TestChunksAreCutAtLines: a chunk of many lines goes over several files, one line alone that is longer is cut.
func TestChunksAreCutAtLines(t *testing.T) {
	l, path := open(t, logfile.Limit{Size: 1000, Files: 1000})
	r := begin(t, l)
	text := all(0, 4000) + strings.Repeat("x", 5000) + "\nend\n"
	require.NoError(t, r.Copy(logfile.Stderr, strings.NewReader(text)))
	assert.Equal(t, text, read(t, l))
	names, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	assert.Greater(t, len(names), 40)
	begins := 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(b), 1000, name)
		if strings.HasPrefix(string(b[16:]), "line ") {
			begins++
		}
	}
	assert.GreaterOrEqual(t, begins, 40, "files begin with a line")
}

// TestHalfARecord is cut off: a killed agent left it.
func TestHalfARecord(t *testing.T) {
	for _, cut := range []int64{1, 11, 12, 26} {
		l, path := open(t, logfile.Limit{})
		r := begin(t, l)
		lines(t, r, 0, 2)
		require.NoError(t, r.Close())
		st, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, st.Size()-cut))
		after, err := logfile.Open(path, logfile.Limit{})
		require.NoError(t, err)
		assert.Equal(t, line(0), read(t, after))
		lines(t, begin(t, after), 7, 8)
		assert.Equal(t, line(0)+line(7), read(t, after))
	}
}

// TestSpare: the log's directory goes before its readers are through, and before one has begun.
func TestSpare(t *testing.T) {
	for name, limit := range map[string]logfile.Limit{"unbounded": {}, "bounded": {Size: 1000, Files: 2}} {
		t.Run(name, func(t *testing.T) {
			l, path := open(t, limit)
			r := begin(t, l)
			idle, err := l.Read(logfile.Pos{})
			require.NoError(t, err)
			reader, err := l.Read(logfile.Pos{})
			require.NoError(t, err)
			lines(t, r, 0, 10)
			first, err := reader.Follow(t.Context(), r)
			require.NoError(t, err)
			assert.Equal(t, line(0), string(first.Data))
			lines(t, r, 10, 200)
			require.NoError(t, r.Close())
			spare := filepath.Join(t.TempDir(), "spare")
			require.NoError(t, l.Spare(func() (string, error) { return spare, os.Mkdir(spare, 0o700) }))
			require.NoError(t, os.RemoveAll(filepath.Dir(path)))
			follow := func(rd *logfile.Reader) func() (logfile.Entry, error) {
				return func() (logfile.Entry, error) { return rd.Follow(t.Context(), r) }
			}
			assert.Equal(t, all(1, 200), rest(t, follow(reader)))
			require.NoError(t, reader.Close())
			assert.Equal(t, all(0, 200), rest(t, follow(idle)))
			require.NoError(t, idle.Close())
			assert.NoDirExists(t, spare)
			require.NoError(t, l.Spare(func() (string, error) { return "", errors.New("no one reads") }))
		})
	}
}
