package containers

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
)

// configChanges are the instructions that make of a configuration what a client gives in the body of a commit.
func configChanges(c *docker.Config) []string {
	var out []string
	add := func(name string, args ...string) { out = append(out, name+" "+strings.Join(args, " ")) }
	list := func(name string, args []string) {
		if len(args) > 0 {
			text, _ := json.Marshal(args) // strings always can
			add(name, string(text))
		}
	}
	if c.User != "" {
		add("USER", c.User)
	}
	if c.WorkingDir != "" {
		add("WORKDIR", c.WorkingDir)
	}
	if c.StopSignal != "" {
		add("STOPSIGNAL", c.StopSignal)
	}
	for _, kv := range c.Env {
		if k, v, ok := strings.Cut(kv, "="); ok {
			add("ENV", k+"="+quoted(v))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c.Labels)) {
		add("LABEL", quoted(k)+"="+quoted(c.Labels[k]))
	}
	for p := range c.ExposedPorts {
		add("EXPOSE", p.String())
	}
	for _, v := range slices.Sorted(maps.Keys(c.Volumes)) {
		list("VOLUME", []string{v})
	}
	list("ENTRYPOINT", c.Entrypoint)
	list("CMD", c.Cmd)
	return out
}

// quoted is a word that a Dockerfile takes as it is.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}

// decompressed is an archive without its compression: none, gzip or bzip2. Docker takes xz and zstd too, by programs of
// its machine.
func decompressed(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(6)
	if err != nil && len(head) == 0 && err != io.EOF {
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	switch {
	case strings.HasPrefix(string(head), "\x1f\x8b"):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, wire.BadRequest("the archive: %w", err)
		}
		return z, nil
	case strings.HasPrefix(string(head), "BZh"):
		return io.NopCloser(bzip2.NewReader(b)), nil
	case strings.HasPrefix(string(head), "\xfd7zXZ\x00"), strings.HasPrefix(string(head), "\x28\xb5\x2f\xfd"):
		return nil, wire.NotImplemented("the archive is compressed by xz or zstd: send it as it is, or with gzip or bzip2")
	}
	return io.NopCloser(b), nil
}
