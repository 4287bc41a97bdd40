package images

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

func TestParseConfig(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want image.Config
	}{
		"empty": {`{}`, image.Config{}},
		"OCI": {
			`{"config":{"User":"u","Env":["A=b"],"Entrypoint":["e"],"Cmd":["c"],"WorkingDir":"/w","StopSignal":"SIGINT","Volumes":{"/b":{},"/a":{}},"ExposedPorts":{"80/tcp":{},"53/udp":{}}}}`,
			image.Config{
				User: "u", Env: []string{"A=b"}, Entrypoint: []string{"e"}, Cmd: []string{"c"}, WorkingDir: "/w", StopSignal: "SIGINT",
				Volumes: []string{"/a", "/b"}, ExposedPorts: []string{"53/udp", "80/tcp"},
			},
		},
		"Docker": {
			`{"config":{"Shell":["/bin/sh","-c"],"OnBuild":["RUN x"],"Healthcheck":{"Test":["CMD","x"],"Interval":1000000000,"Timeout":2,"StartPeriod":3,"Retries":4}}}`,
			image.Config{
				Shell: []string{"/bin/sh", "-c"}, OnBuild: []string{"RUN x"},
				Health: &image.HealthConfig{Test: []string{"CMD", "x"}, Interval: time.Second, Timeout: 2, StartPeriod: 3, Retries: 4},
			},
		},
	} {
		p, err := parseConfig([]byte(c.text))
		require.NoError(t, err, name)
		assert.Equal(t, c.want, p.config, name)
	}
	for _, text := range []string{``, `[]`, `{"config":1}`, `{"config":{"Healthcheck":1}}`} {
		_, err := parseConfig([]byte(text))
		assert.Error(t, err, text)
	}
}

func TestKnownConfigs(t *testing.T) {
	var c configs
	assert.Nil(t, c.get("x"))
	p := &parsed{}
	c.put("x", p)
	assert.Same(t, p, c.get("x"))
}

// Who lists what was left decides when it goes: layers that another attempt takes stay for a while.
func TestLeftovers(t *testing.T) {
	never := func() { t.Error("it is not the time") }
	for name, c := range map[string]struct {
		notes    []Leftover
		close    bool
		any, due bool
	}{
		"none":                          {nil, false, false, false},
		"some":                          {[]Leftover{LeftOver}, false, true, true},
		"for the next":                  {[]Leftover{LeftForNext}, false, true, false},
		"others are kept as well":       {[]Leftover{LeftForNext, LeftOver}, false, true, false},
		"but not when there is no room": {[]Leftover{LeftForNext, LeftInTheWay}, false, true, true},
		"the store is closed":           {[]Leftover{LeftForNext}, true, true, true},
	} {
		var l leftovers
		for _, n := range c.notes {
			l.note(n, never)
		}
		if c.close {
			l.close()
			l.note(LeftForNext, never)
		}
		assert.Equal(t, c.any, l.any(), name)
		assert.Equal(t, c.due, l.due(), name)
		l.collected()
		assert.False(t, l.any(), name)
		l.close()
	}
}
