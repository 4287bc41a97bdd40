package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

func TestImageRows(t *testing.T) {
	rows := imageRows([]image.Image{
		{ID: "sha256:" + strings.Repeat("a", 64), Names: []string{"docker.io/library/a:1", "localhost/b:2"}, Size: 4_020_000, Created: time.Now().Add(-3 * time.Hour)},
		{ID: "sha256:" + strings.Repeat("b", 64)},
		{ID: "sha256:" + strings.Repeat("c", 64), Names: []string{"docker.io/library/c:1"}, Digests: []string{
			"docker.io/library/c@sha256:" + strings.Repeat("1", 64), "docker.io/me/c@sha256:" + strings.Repeat("2", 64),
		}},
	}, false)
	require.Len(t, rows, 5)
	require.Equal(t, []string{"c", "1", "sha256:" + strings.Repeat("1", 64)}, []string{rows[3].Repository, rows[3].Tag, rows[3].Digest})
	require.Equal(t, []string{"me/c", none, "sha256:" + strings.Repeat("2", 64)}, []string{rows[4].Repository, rows[4].Tag, rows[4].Digest})
	require.Equal(t, []string{"a", "1", "aaaaaaaaaaaa", "3 hours ago", "4.02MB"}, []string{rows[0].Repository, rows[0].Tag, rows[0].ID, rows[0].CreatedSince, rows[0].Size})
	require.Equal(t, "localhost/b", rows[1].Repository)
	require.Equal(t, []string{none, none, "N/A", "0B"}, []string{rows[2].Repository, rows[2].Tag, rows[2].CreatedSince, rows[2].Size})
}
