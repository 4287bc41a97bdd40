package image_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestBuildNetwork: steps have the network and the names that the options say, and the image has none of it.
func TestBuildNetwork(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	text := base + "RUN cat /etc/hosts > /seen && ls /sys/class/net > /own\nRUN --network=none ls /sys/class/net > /none\n"
	img, err := build(t, s, text, image.BuildOptions{Run: image.RunOptions{Hosts: []string{"db.test:10.9.8.7", "six.test:fd00::7", "me.test:host-gateway"}}}, nil)
	require.NoError(t, err)
	seen := fileOf(t, s, img.ID, "seen")
	for _, want := range []string{`10\.9\.8\.7\s+db\.test`, `fd00::7\s+six\.test`, `169\.254\.1\.2\s+me\.test`} {
		require.Regexp(t, want, seen)
	}
	require.ElementsMatch(t, []string{"eth0", "lo"}, strings.Fields(fileOf(t, s, img.ID, "own")))
	require.Equal(t, "lo", fileOf(t, s, img.ID, "none")[:2])
	f, err := s.FS(t.Context(), img.ID)
	require.NoError(t, err)
	defer f.Close()
	if b, err := f.ReadFile("etc/hosts"); err == nil {
		require.NotContains(t, string(b), "db.test", "what a step sees is in the image")
	}
	// The host's network is the owner's to give, and not the Dockerfile's to take.
	for _, network := range []string{"", "default", "none"} {
		_, err = build(t, s, base+"RUN --network=host true\n", image.BuildOptions{Run: image.RunOptions{Network: network}}, nil)
		require.ErrorIs(t, err, image.ErrDockerfile, network)
		require.ErrorContains(t, err, "Dockerfile:3: RUN: --network=host", network)
	}
	img, err = build(t, s, base+"RUN ls /sys/class/net > /without\n", image.BuildOptions{Run: image.RunOptions{Network: "none"}}, nil)
	require.NoError(t, err)
	require.Equal(t, "lo\n", fileOf(t, s, img.ID, "without"))
	img, err = build(t, s, base+"RUN ls /sys/class/net > /with\nRUN --network=host ls /sys/class/net > /too\nRUN --network=none ls /sys/class/net > /without\n", image.BuildOptions{Run: image.RunOptions{Network: "host"}}, nil)
	require.NoError(t, err)
	require.Equal(t, "lo\n", fileOf(t, s, img.ID, "without"))
	here, err := os.ReadDir("/sys/class/net")
	require.NoError(t, err)
	for _, e := range here {
		require.Contains(t, fileOf(t, s, img.ID, "with"), e.Name())
		require.Contains(t, fileOf(t, s, img.ID, "too"), e.Name())
	}

	for says, o := range map[string]image.BuildOptions{
		`Network "bridge"`: {Run: image.RunOptions{Network: "bridge"}}, `Hosts[0] "x"`: {Run: image.RunOptions{Hosts: []string{"x"}}}, `Hosts[0] ":1.2.3.4"`: {Run: image.RunOptions{Hosts: []string{":1.2.3.4"}}},
		`Hosts[1] "a:b"`: {Run: image.RunOptions{Hosts: []string{"a:1.2.3.4", "a:b"}}}, `Hosts[0] "a\nb:1.2.3.4"`: {Run: image.RunOptions{Hosts: []string{"a\nb:1.2.3.4"}}}, "is not an address": {Run: image.RunOptions{Hosts: []string{"a:1.2.3.4\n5.6.7.8 b"}}},
	} {
		_, err := build(t, s, base, o, nil)
		require.ErrorIs(t, err, image.ErrInvalidArgument)
		require.ErrorContains(t, err, says)
	}
}
