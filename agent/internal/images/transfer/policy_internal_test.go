package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/signature"

	"github.com/caisson-dev/caisson/internal/api"
)

func TestFindPolicy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my-policy.json")
	t.Setenv("CONTAINERS_POLICY_JSON", file)
	_, _, err := findPolicy()
	require.ErrorIs(t, err, api.ErrPolicy, "the file that the user names must be there")

	require.NoError(t, os.WriteFile(file, []byte(`{"default":[{"type":"reject"}]}`), 0o600))
	path, text, err := findPolicy()
	require.NoError(t, err)
	assert.Equal(t, file, path)
	assert.JSONEq(t, `{"default":[{"type":"reject"}]}`, string(text))
}

func TestPolicyContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.json")
	t.Setenv("CONTAINERS_POLICY_JSON", file)
	for text, good := range map[string]bool{
		acceptAnything:                    true,
		`{"default":[{"type":"reject"}]}`: true,
		`{"default":[{"type":"none"}]}`:   false,
		`{}`:                              false,
		`not JSON`:                        false,
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		p, err := policyContext()
		if !good {
			require.ErrorIs(t, err, api.ErrPolicy, text)
			assert.ErrorContains(t, err, file, text)
			continue
		}
		require.NoError(t, err, text)
		assert.Equal(t, file, p.path)
		require.NoError(t, p.Destroy())
	}
}

func TestPolicyExplains(t *testing.T) {
	p := &policy{path: "/etc/containers/policy.json"}
	err := p.explain(t.Context(), "pull x", signature.PolicyRequirementError("no signature"))
	require.ErrorIs(t, err, api.ErrPolicy)
	assert.ErrorContains(t, err, "the signature policy /etc/containers/policy.json does not allow this image")
	err = p.explain(t.Context(), "pull x", errors.New("r.example.com is blocked in registries.conf"))
	require.ErrorIs(t, err, api.ErrPolicy)
	assert.NotContains(t, err.Error(), "policy.json", "that was not the policy")
}
