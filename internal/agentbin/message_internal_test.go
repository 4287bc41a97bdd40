//go:build linux

package agentbin

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/version"
)

func TestSources(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		option []string
		env    string
		want   []string
		fails  string
	}{
		{nil, "", allSources, ""},
		{nil, " build , path", []string{FromPath, FromBuild}, ""},
		{nil, "none", nil, ""},
		{nil, "download,none", nil, "CAISSON_AGENT_SOURCE: \"none\" is not a source"},
		{nil, "internet", nil, "give some of path, download, build, or none alone"},
		{[]string{FromDownload, FromDownload}, "build", []string{FromDownload}, ""},
		{[]string{"x"}, "", nil, "StoreOptions.AgentSources: \"x\""},
	} {
		got, err := sources(test.option, test.env)
		if test.fails != "" {
			require.ErrorIs(t, err, api.ErrInvalidArgument)
			assert.ErrorContains(t, err, test.fails)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, test.want, got)
	}
}

// TestNotFound: each place once, the one remedy that fits, and no line that nobody reads.
func TestNotFound(t *testing.T) {
	t.Parallel()
	const cc, proxy, cache = "install gcc", "set GOPROXY", "set XDG_CACHE_HOME"
	noCC := problemf(cc, "no gcc")
	offline := problemf(proxy, "GOPROXY is off")
	noRelease := problemf("", "none of this version")
	onPath := problemf("go install", "there is no caisson-agent")
	for name, test := range map[string]struct {
		tried []tried
		want  string
	}{
		"no compiler": {[]tried{{inCache, problemf("", "empty")}, {FromPath, onPath}, {FromDownload, noRelease}, {FromBuild, noCC}},
			"no agent for version v1:\n  cache: empty\n  path: there is no caisson-agent\n  download: none of this version\n  build: no gcc\n" + cc},
		"offline, no compiler": {[]tried{{FromDownload, offline}, {FromBuild, noCC}}, "no agent for version v1:\n  download: GOPROXY is off\n  build: no gcc\n" + proxy},
		"no cache":             {[]tried{{inCache, problemf(cache, "no HOME")}, {FromBuild, noCC}}, "no agent for version v1:\n  cache: no HOME\n  build: no gcc\n" + cache},
		"only path":            {[]tried{{FromPath, onPath}, {FromBuild, problemf("", "not allowed")}}, "no agent for version v1:\n  path: there is no caisson-agent\n  build: not allowed\ngo install"},
		"unknown":              {[]tried{{FromBuild, fs.ErrPermission}}, "no agent for version v1:\n  build: permission denied\nname the binary of an agent in CAISSON_AGENT"},
	} {
		err := error(&NotFoundError{"v1", test.tried})
		assert.Equal(t, test.want, err.Error(), name)
	}
	err := &NotFoundError{"v1", []tried{{FromBuild, fmt.Errorf("open: %w", fs.ErrPermission)}}}
	require.ErrorIs(t, error(err), fs.ErrPermission)
	assert.Equal(t, "no agent for version v1:\n  build: open: permission denied", err.Problem())

	long := &NotFoundError{"v1", []tried{{FromBuild, errors.New("go build: exit status 1\n" + strings.Repeat(strings.Repeat("x", 1000)+"\n", 50))}}}
	lines := strings.Split(long.Error(), "\n")
	assert.LessOrEqual(t, len(lines), 2+mostLines)
	for _, l := range lines {
		assert.LessOrEqual(t, len(l), mostInLine+20)
	}
}

func TestServes(t *testing.T) {
	t.Parallel()
	release, checkout, unknown := version.Source{Version: "v1.2.3", Release: true}, version.Source{Version: "src-1", Dir: "/src"}, version.Source{Version: version.Devel}
	named, found := Binary{Path: "/a", How: EnvAgent, Named: true}, Binary{Path: "/a", How: "on PATH"}
	for _, test := range []struct {
		b     Binary
		src   version.Source
		agent string
		ok    bool
	}{
		{Binary{Linked: true}, checkout, "anything", true},
		{found, release, "v1.2.3", true}, {found, release, "v1.2.4", false}, {found, release, version.Devel, false},
		{found, checkout, "src-1", true}, {found, checkout, "src-2", false}, {found, checkout, version.Devel, false},
		{found, unknown, version.Devel, false}, {found, unknown, "v1.2.3", false},
		{named, release, "v1.2.3", true}, {named, release, version.Devel, false}, {named, release, "src-1", false},
		{named, checkout, version.Devel, true}, {named, checkout, "src-2", false}, {named, unknown, version.Devel, true}, {named, unknown, "v1.2.3", false},
	} {
		err := test.b.Serves(test.src, test.agent)
		assert.Equal(t, test.ok, err == nil, "%+v serves %s: %v", test.b, test.src.Version, err)
	}
	require.EqualError(t, found.Serves(release, "v1.0.0"), "agent /a (on PATH) has version v1.0.0, and this program v1.2.3: remove it, or install the agent of this version")
}

func TestDownloadError(t *testing.T) {
	t.Parallel()
	for said, test := range map[string]struct {
		is      string
		refused bool
	}{
		"m@v1: verifying module: checksum mismatch":                                      {"is not what", true},
		"m@v1: module lookup disabled by GOPROXY=off":                                    {"GOPROXY is off, and the module cache has no m@v1", false},
		"m@v1: reading https://p/m/@v/v1.info: 404 Not Found":                            {"the module proxy (https://p) has no m@v1", false},
		"m@v1: Get \"https://p\": dial tcp: lookup p: no such host":                      {"can't be downloaded (GOPROXY: https://p)", false},
		"could not create module cache: mkdir /nonexistent: permission denied":           {"the module cache can't be written", false},
		"m@v1: reading file:///proxy/m/@v/v1.info: no such file or directory: not found": {"has no m@v1", false},
	} {
		err := downloadError("m@v1", "https://p", said)
		assert.ErrorContains(t, err, test.is, said)
		var r refusal
		assert.Equal(t, test.refused, errors.As(err, &r), said)
	}
}
