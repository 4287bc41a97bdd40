//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCopyArgument(t *testing.T) {
	for arg, want := range map[string][2]string{
		"web:/a": {"web", "/a"}, "web:a/.": {"web", "/a/."}, "/a:b": {"", "/a:b"}, "./a:b": {"", "./a:b"}, "a": {"", "a"}, "-": {"", "-"}, "web:": {"web", "/"},
	} {
		ctr, name := copyArgument(arg)
		require.Equal(t, want, [2]string{ctr, name}, arg)
	}
}
