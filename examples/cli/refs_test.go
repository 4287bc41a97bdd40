package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFamiliar(t *testing.T) {
	require.Equal(t, name{"alpine", "3", none}, familiar("docker.io/library/alpine:3"))
	require.Equal(t, name{"me/app", none, none}, familiar("docker.io/me/app"))
	require.Equal(t, name{"127.0.0.1:5000/a", "1", none}, familiar("127.0.0.1:5000/a:1"))
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	require.Equal(t, name{"alpine", none, digest}, familiar("docker.io/library/alpine@"+digest))
	require.Equal(t, "docker.io/library/alpine:latest", fullName("alpine"))
	require.Equal(t, "alpine:3", familiarString("docker.io/library/alpine:3", digest))
	require.Equal(t, "0123456789ab", familiarString("01234", digest))
	require.Equal(t, "0123456789ab", familiarString(digest, digest))
}
