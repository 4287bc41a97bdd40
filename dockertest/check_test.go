package dockertest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/dockertest"
)

func TestRequireAndSkip(t *testing.T) {
	dockertest.Require(t) // else no test of this package would run
	findings := dockertest.Check()
	assert.NotEmpty(t, findings)
	for _, f := range findings {
		t.Log(f)
	}
	ft := inTest(t, func(t testing.TB) { dockertest.Require(t, "wings") })
	assert.True(t, ft.failed)
	assert.Contains(t, ft.text.String(), "this host lacks:\nlimited  wings")
	t.Setenv(dockertest.EnvNoSkip, "")
	ft = inTest(t, func(t testing.TB) { dockertest.Skip(t, "wings") })
	assert.True(t, ft.skipped)
	assert.False(t, ft.failed)
	t.Setenv(dockertest.EnvNoSkip, "1")
	ft = inTest(t, func(t testing.TB) { dockertest.Skip(t, "wings") })
	assert.True(t, ft.failed)
	assert.False(t, ft.skipped)
	assert.Contains(t, ft.text.String(), "forbids skipping the test, and this host lacks")
}
