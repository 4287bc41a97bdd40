//go:build linux

package main

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVerbErrors: with no such container, and a store that has none.
func TestVerbErrors(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	t.Cleanup(func() { destroy(t, root) })
	for _, args := range [][]string{
		{"cp", "nobody:/a", "."}, {"stats", "nobody"}, {"top", "nobody"}, {"diff", "nobody"}, {"commit", "nobody"}, {"export", "nobody"},
		{"update", "-m", "64m", "nobody"}, {"exec", "nobody", "true"}, {"logs", "nobody"}, {"attach", "nobody"}, {"volume", "inspect", "nobody"},
		{"volume", "rm", "nobody"}, {"restart", "nobody"}, {"port", "nobody"}, {"rename", "nobody", "x"}, {"start", "-ai", "nobody"},
	} {
		var out, errs bytes.Buffer
		code := run(context.Background(), append([]string{"--root", root}, args...), bytes.NewReader(nil), &out, &errs)
		require.Equal(t, 1, code, "%v: %s", args, &errs)
		require.Contains(t, errs.String(), "nobody", "%v", args)
	}
}
