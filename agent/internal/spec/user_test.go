package spec_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/internal/api"
)

const passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n"
const group = "root:x:0:\napps:x:1001:\nvideo:x:44:app\naudio:x:29:\n"

func TestFindUser(t *testing.T) {
	for _, c := range []struct {
		who    string
		groups []string
		want   specs.User
		home   string
	}{
		{"", nil, specs.User{AdditionalGids: []uint32{0}}, "/root"},
		{"app", nil, specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 44}}, "/home/app"},
		{"1000", nil, specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 44}}, "/home/app"},
		{"app:audio", nil, specs.User{UID: 1000, GID: 29, AdditionalGids: []uint32{29}}, "/home/app"},
		{"7:8", nil, specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{8}}, "/"},
		{"app", []string{"audio", "video", "9"}, specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 44, 29, 9}}, "/home/app"},
	} {
		u, home, err := spec.FindUser(c.who, strings.NewReader(passwd), strings.NewReader(group))
		require.NoError(t, err, c.who)
		if c.groups != nil {
			u, err = spec.AddGroups(u, c.groups, strings.NewReader(group))
			require.NoError(t, err)
		}
		if len(c.groups) > 0 {
			assert.ElementsMatch(t, c.want.AdditionalGids, u.AdditionalGids, c.who)
			u.AdditionalGids = c.want.AdditionalGids
		}
		assert.Equal(t, c.want, u, c.who)
		assert.Equal(t, c.home, home, c.who)
	}
	_, _, err := spec.FindUser("nobody-here", strings.NewReader(passwd), strings.NewReader(group))
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	_, err = spec.AddGroups(specs.User{}, []string{"nobody-here"}, strings.NewReader(group))
	require.ErrorContains(t, err, "Options.Process.Groups")
	_, home, err := spec.FindUser("0", strings.NewReader(""), strings.NewReader(""))
	require.NoError(t, err)
	assert.Equal(t, "/root", home, "an image without /etc/passwd")
}

func TestFitUser(t *testing.T) {
	app := specs.User{UID: 1000, AdditionalGids: []uint32{5}}
	u, err := spec.FitUser(app, host.Host{})
	require.NoError(t, err)
	assert.Equal(t, app, u)
	_, err = spec.FitUser(app, hosts["one-id"])
	require.ErrorIs(t, err, api.ErrUnsupported)
	require.ErrorContains(t, err, "/etc/subuid")
	u, err = spec.FitUser(specs.User{AdditionalGids: []uint32{5}}, hosts["one-id"])
	require.NoError(t, err)
	assert.Empty(t, u.AdditionalGids, "setgroups is denied")
}
