package images_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestChange(t *testing.T) {
	for name, c := range map[string]struct {
		changes []string
		check   func(t *testing.T, c *images.RunConfig)
	}{
		"none":       {nil, func(t *testing.T, c *images.RunConfig) { assert.Equal(t, []string{"A=1"}, c.Env) }},
		"env":        {[]string{"ENV B=2", "env A=3"}, func(t *testing.T, c *images.RunConfig) { assert.Equal(t, []string{"A=3", "B=2"}, c.Env) }},
		"cmd":        {[]string{`CMD ["a","b"]`}, func(t *testing.T, c *images.RunConfig) { assert.Equal(t, []string{"a", "b"}, c.Cmd) }},
		"shell form": {[]string{"CMD a b"}, func(t *testing.T, c *images.RunConfig) { assert.Equal(t, []string{"/bin/sh", "-c", "a b"}, c.Cmd) }},
		"workdir":    {[]string{"WORKDIR /x", "WORKDIR y"}, func(t *testing.T, c *images.RunConfig) { assert.Equal(t, "/x/y", c.WorkingDir) }},
		"ports":      {[]string{"EXPOSE 80 53/udp"}, func(t *testing.T, c *images.RunConfig) { assert.Len(t, c.ExposedPorts, 2) }},
		"volume":     {[]string{"VOLUME /data"}, func(t *testing.T, c *images.RunConfig) { assert.Contains(t, c.Volumes, "/data") }},
		"user, label, stop signal": {[]string{"USER me", "LABEL a=b", "STOPSIGNAL SIGINT"}, func(t *testing.T, c *images.RunConfig) {
			assert.Equal(t, "me", c.User)
			assert.Equal(t, map[string]string{"a": "b"}, c.Labels)
			assert.Equal(t, "SIGINT", c.StopSignal)
		}},
		"health": {[]string{"HEALTHCHECK --interval=2s CMD true"}, func(t *testing.T, c *images.RunConfig) {
			require.NotNil(t, c.Healthcheck)
			assert.Equal(t, 2*time.Second, c.Healthcheck.Interval)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var cfg images.RunConfig
			cfg.Env = []string{"A=1"}
			require.NoError(t, cfg.Change(c.changes))
			c.check(t, &cfg)
		})
	}
	for change, says := range map[string]string{
		"RUN x":    "RUN is not allowed here",
		"COPY a b": "use one of CMD, ENTRYPOINT",
		"":         "no instruction",
	} {
		err := new(images.RunConfig).Change([]string{change})
		require.ErrorIs(t, err, api.ErrInvalidArgument, change)
		assert.ErrorContains(t, err, says, change)
	}
}
