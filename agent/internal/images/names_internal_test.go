package images

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.podman.io/storage"
)

func TestSplit(t *testing.T) {
	tags, digests := split([]string{"r/a:1", "r/a@sha256:0", "r/b:2"})
	assert.Equal(t, []string{"r/a:1", "r/b:2"}, tags)
	assert.Equal(t, []string{"r/a@sha256:0"}, digests)
}

func TestRepoOf(t *testing.T) {
	for in, want := range map[string]string{
		"r.example.com/a:1": "r.example.com/a", "r.example.com:5000/a": "r.example.com:5000/a", "r.example.com:5000/a:1": "r.example.com:5000/a",
		"r/a@sha256:00": "r/a", "r/a:1@sha256:00": "r/a", "a": "a",
	} {
		assert.Equal(t, want, repoOf(in), in)
	}
}

// A digest that came with a tag does not count as a name of its own.
func TestLastName(t *testing.T) {
	for name, c := range map[string]struct {
		names        []string
		name         string
		last, single bool
	}{
		"only one":                     {[]string{"r/a:1"}, "r/a:1", true, true},
		"two tags":                     {[]string{"r/a:1", "r/a:2"}, "r/a:1", false, false},
		"tag and digest":               {[]string{"r/a:1", "r/a@sha256:0"}, "r/a:1", true, true},
		"digest and tag":               {[]string{"r/a:1", "r/a@sha256:0"}, "r/a@sha256:0", false, true},
		"digest of another repository": {[]string{"r/a:1", "r/b@sha256:0"}, "r/a:1", false, false},
	} {
		assert.Equal(t, c.last, last(c.names, c.name), name)
		assert.Equal(t, c.single, single(c.names), name)
	}
	assert.True(t, single(nil))
}

// A name wins over an id that begins like it.
func TestOfRepository(t *testing.T) {
	names := []string{"docker.io/library/bb:1", "docker.io/library/bb:2", "docker.io/library/c:latest", "r.example.com/bb:3"}
	for ref, want := range map[string][]string{
		"bb": names[:2], "docker.io/library/bb": names[:2], "r.example.com/bb": names[3:], "c": names[2:3],
		"bb:1": {"bb:1"}, "abc": {"abc"}, "sha256:bb": {"sha256:bb"}, "A": {"A"},
	} {
		assert.Equal(t, want, ofRepository(ref, names), ref)
	}
}

func TestNameIn(t *testing.T) {
	img := &storage.Image{ID: "abc", Names: []string{"docker.io/library/a:1"}}
	for ref, want := range map[string]string{"a:1": img.Names[0], "library/a:1": img.Names[0], "a": "", "abc": "", "A": ""} {
		assert.Equal(t, want, NameIn(img, ref), ref)
	}
}

func TestDescribeUsers(t *testing.T) {
	all := []storage.Container{{ID: "0123456789abcdef", Names: []string{"web"}}, {ID: "fedcba9876543210"}, {ID: "other"}}
	assert.Equal(t, "container web is made of it", describeUsers(all, []string{all[0].ID}))
	assert.Equal(t, "containers web, fedcba987654 are made of it", describeUsers(all, []string{all[0].ID, all[1].ID}))
}

func TestWorking(t *testing.T) {
	for name, c := range map[string]struct {
		names []string
		owner string
		ok    bool
	}{
		"none":          {nil, "", false},
		"of a user":     {[]string{"web"}, "", false},
		"of a build":    {[]string{"base-" + BuildSuffix + "0123-build-42"}, "0123", true},
		"the last part": {[]string{BuildSuffix + "x-" + BuildSuffix + "0123-1"}, "0123", true},
	} {
		owner, ok := working(&storage.Container{Names: c.names})
		assert.Equal(t, c.owner, owner, name)
		assert.Equal(t, c.ok, ok, name)
	}
}
