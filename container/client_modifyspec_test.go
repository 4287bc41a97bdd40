//go:build linux

package container_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// keepSpec is a ModifySpec that changes nothing.
func keepSpec(*specs.Spec) error { return nil }

func TestClientModifySpec(t *testing.T) {
	t.Parallel()
	a, e, _ := played(t)
	sent := make(chan specs.Spec, 1)
	a.Handle(api.ContainerCreateModified, agenttest.Upgrade(func(c *agenttest.Conn) {
		_ = c.Send(agenttest.Frame{Kind: api.Spec, JSON: specs.Spec{Hostname: "before"}})
		kind, p, err := c.In.Next()
		if err != nil || kind == api.Failure {
			_ = c.Send(agenttest.Frame{Kind: api.Failure, JSON: api.ToError(errors.New("undone"))})
			return
		}
		var after specs.Spec
		assert.NoError(t, json.Unmarshal(p, &after))
		sent <- after
		_ = c.Send(agenttest.Frame{Kind: api.Exit, JSON: api.Created{ID: playedID, Name: "web"}})
	}))
	c, err := e.Create(t.Context(), container.Options{Image: "app", ModifySpec: func(s *specs.Spec) error {
		s.Hostname += " and after"
		return nil
	}})
	require.NoError(t, err)
	assert.Equal(t, playedID, c.ID())
	spec := <-sent
	assert.Equal(t, "before and after", spec.Hostname)

	no := errors.New("not this one")
	_, err = e.Create(t.Context(), container.Options{Image: "app", ModifySpec: func(*specs.Spec) error { return no }})
	require.ErrorIs(t, err, no)
	_, err = e.Create(t.Context(), container.Options{Image: "app", ModifySpec: func(s *specs.Spec) error {
		s.Hostname = strings.Repeat("a", api.MaxFrame)
		return nil
	}})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
}
