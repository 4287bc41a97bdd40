package images

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

func TestOldest(t *testing.T) {
	t.Parallel()
	at := func(n int64) time.Time { return time.Unix(n, 0) }
	items := func(times ...int64) (out []cacheItem) {
		for _, n := range times {
			out = append(out, cacheItem{CacheUsage: image.CacheUsage{LastUsed: at(n)}})
		}
		return out
	}
	for _, c := range []struct {
		name  string
		items []cacheItem
		from  int64 // those from then on may not go
		want  int
	}{
		{"none", nil, 9, -1},
		{"the oldest", items(3, 1, 2), 9, 1},
		{"the first of two that are as old", items(3, 1, 1), 9, 1},
		{"none may go", items(3, 4), 3, -1},
		{"the oldest may go", items(5, 4, 2), 3, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, oldest(c.items, func(i *cacheItem) bool { return i.LastUsed.Before(at(c.from)) }))
		})
	}
}
