package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRangeReads(t *testing.T) {
	stores(t, func(t *testing.T, o registry.ServerOptions) {
		reg := serve(t, o)
		pushBlob(t, dial(t, reg.Addr), "app", "0123456789")
		url := reg.URL + "/v2/app/blobs/" + sum("0123456789")
		for _, test := range []struct {
			rng    string
			status int
			body   string
		}{
			{"", 200, "0123456789"},
			{"bytes=0-3", 206, "0123"},
			{"bytes=4-", 206, "456789"},
			{"bytes=-3", 206, "789"},
			{"bytes=8-100", 206, "89"},
			{"bytes=10-", 416, ""},
		} {
			a := do(t, "GET", url, "", "Range", test.rng)
			assert.Equal(t, test.status, a.status, test.rng)
			if test.body != "" {
				assert.Equal(t, test.body, a.body, test.rng)
			}
		}
		head := do(t, "HEAD", url, "")
		assert.Equal(t, "10", head.header.Get("Content-Length"))
		assert.Equal(t, sum("0123456789"), head.header.Get("Docker-Content-Digest"))
		assert.Equal(t, 304, do(t, "GET", url, "", "If-None-Match", `"`+sum("0123456789")+`"`).status)
	})
}

func TestTagPages(t *testing.T) {
	stores(t, func(t *testing.T, o registry.ServerOptions) {
		reg := serve(t, o)
		c := dial(t, reg.Addr)
		for _, tag := range []string{"b", "a", "B", "c", "1"} { // B and b differ on every file system
			pushImage(t, c, "app", tag, "layer "+tag)
		}
		first := do(t, "GET", reg.URL+"/v2/app/tags/list?n=2", "")
		assert.JSONEq(t, `{"name":"app","tags":["1","B"]}`, first.body)
		assert.Equal(t, `</v2/app/tags/list?last=B&n=2>; rel="next"`, first.header.Get("Link"))
		last := do(t, "GET", reg.URL+"/v2/app/tags/list?n=2&last=b", "")
		assert.JSONEq(t, `{"name":"app","tags":["c"]}`, last.body)
		assert.Empty(t, last.header.Get("Link"))
		assert.JSONEq(t, `{"name":"app","tags":[]}`, do(t, "GET", reg.URL+"/v2/app/tags/list?n=0", "").body)
		assert.Equal(t, 400, do(t, "GET", reg.URL+"/v2/app/tags/list?n=-1", "").status)
		assert.Equal(t, 404, do(t, "GET", reg.URL+"/v2/lost/tags/list", "").status)
		assert.JSONEq(t, `{"repositories":["app"]}`, do(t, "GET", reg.URL+"/v2/_catalog", "").body)
	})
}

func TestReferrers(t *testing.T) {
	stores(t, func(t *testing.T, o registry.ServerOptions) {
		reg := serve(t, o)
		c := dial(t, reg.Addr)
		subject := pushImage(t, c, "app", "1", "layer")
		m := imageManifest(pushBlob(t, c, "app", "{}"))
		m.Subject, m.ArtifactType = &subject, "application/x-signature"
		m.Annotations = map[string]string{"by": "me"}
		data, err := json.Marshal(m)
		require.NoError(t, err)
		a := do(t, "PUT", reg.URL+"/v2/app/manifests/"+sum(string(data)), string(data), "Content-Type", m.MediaType)
		require.Equal(t, 201, a.status, a.body)
		assert.Equal(t, subject.Digest.String(), a.header.Get("OCI-Subject"))

		url := reg.URL + "/v2/app/referrers/" + subject.Digest.String()
		var index ocispec.Index
		require.NoError(t, json.Unmarshal([]byte(do(t, "GET", url, "").body), &index))
		require.Len(t, index.Manifests, 1)
		assert.Equal(t, "application/x-signature", index.Manifests[0].ArtifactType)
		assert.Equal(t, m.Annotations, index.Manifests[0].Annotations)
		none := do(t, "GET", url+"?artifactType=other", "")
		assert.Equal(t, "artifactType", none.header.Get("OCI-Filters-Applied"))
		assert.Contains(t, none.body, `"manifests":[]`)

		require.Equal(t, 202, do(t, "DELETE", reg.URL+"/v2/app/manifests/"+sum(string(data)), "").status)
		assert.Contains(t, do(t, "GET", url, "").body, `"manifests":[]`)
		assert.Equal(t, 200, do(t, "GET", reg.URL+"/v2/lost/referrers/"+sum("x"), "").status, "the API must not answer 404")
	})
}

func TestDeleteAndCollect(t *testing.T) {
	stores(t, func(t *testing.T, o registry.ServerOptions) {
		o.Limits.UploadTTL = time.Nanosecond
		reg := serve(t, o)
		c := dial(t, reg.Addr)
		ctx := context.Background()
		kept := pushImage(t, c, "app", "kept", "shared", "one")
		gone := pushImage(t, c, "app", "gone", "shared", "two")
		pushBlob(t, c, "other", "orphan")
		startUpload(t, reg, "other")

		did, err := reg.Collect(ctx, registry.CollectOptions{})
		require.NoError(t, err)
		assert.Equal(t, registry.Collected{Uploads: 1}, did, "an hour of grace")

		require.NoError(t, c.DeleteTag(ctx, "app", "gone"))
		did, err = reg.Collect(ctx, registry.CollectOptions{Grace: -1})
		require.NoError(t, err)
		assert.Equal(t, registry.Collected{Blobs: 1, Bytes: 6}, did, "untagged manifests stay")

		did, err = reg.Collect(ctx, registry.CollectOptions{Grace: -1, Untagged: true})
		require.NoError(t, err)
		assert.Equal(t, 1, did.Manifests)
		_, err = c.ResolveManifest(ctx, "app", gone.Digest)
		require.Error(t, err)
		_, err = c.ResolveBlob(ctx, "app", digest.FromString("two"))
		require.Error(t, err)
		assert.Equal(t, "shared", getBlob(t, c, "app", digest.FromString("shared")))

		require.NoError(t, c.DeleteManifest(ctx, "app", kept.Digest))
		_, err = c.ResolveTag(ctx, "app", "kept")
		require.ErrorIs(t, err, ociregistry.ErrNameUnknown, "a manifest's tags go with it")
		_, err = reg.Collect(ctx, registry.CollectOptions{Grace: -1})
		require.NoError(t, err)
		assert.JSONEq(t, `{"repositories":[]}`, do(t, "GET", reg.URL+"/v2/_catalog", "").body)
	})
}

func TestIndexAndReferrersKeepWhatTheyReach(t *testing.T) {
	stores(t, func(t *testing.T, o registry.ServerOptions) {
		reg := serve(t, o)
		c := dial(t, reg.Addr)
		index := pushIndex(t, c, "app", "1", "amd64", "arm64")
		signature := imageManifest(pushBlob(t, c, "app", "{}"))
		signature.Subject = &index
		desc := pushManifest(t, c, "app", "", signature.MediaType, signature)
		did, err := reg.Collect(context.Background(), registry.CollectOptions{Grace: -1, Untagged: true})
		require.NoError(t, err)
		assert.Zero(t, did)
		_, err = c.ResolveManifest(context.Background(), "app", desc.Digest)
		require.NoError(t, err)
	})
}

// pushIndex pushes an index with an image for each architecture.
func pushIndex(t testing.TB, c ociregistry.Interface, repo, tag string, architectures ...string) ociregistry.Descriptor {
	t.Helper()
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	index.SchemaVersion = 2
	for _, arch := range architectures {
		m := imageManifest(pushBlob(t, c, repo, fmt.Sprintf(`{"architecture":%q}`, arch)), pushBlob(t, c, repo, "layer for "+arch))
		desc := pushManifest(t, c, repo, "", m.MediaType, m)
		desc.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		index.Manifests = append(index.Manifests, desc)
	}
	return pushManifest(t, c, repo, tag, index.MediaType, index)
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	pushImage(t, dial(t, serve(t, registry.ServerOptions{Dir: dir}).Addr), "app", "1", "layer")
	reg := serve(t, registry.ServerOptions{Dir: dir, ReadOnly: true})
	assert.Equal(t, 200, do(t, "GET", reg.URL+"/v2/app/manifests/1", "").status)
	assert.Equal(t, 405, do(t, "DELETE", reg.URL+"/v2/app/manifests/1", "").status)
	assert.Equal(t, 405, do(t, "POST", reg.URL+"/v2/app/blobs/uploads/", "").status)
}

func TestRequests(t *testing.T) {
	reg := serve(t, registry.ServerOptions{KeepRequests: 3})
	for i := range 5 {
		do(t, "GET", fmt.Sprintf("%s/v2/app%d/manifests/1", reg.URL, i), "")
	}
	var repos []string
	for _, r := range reg.Requests() {
		repos = append(repos, r.Repository)
		assert.Equal(t, 404, r.Status)
		assert.Equal(t, "1", r.Reference)
	}
	assert.Equal(t, []string{"app2", "app3", "app4"}, repos)
}

func TestBadDirectory(t *testing.T) {
	_, err := registry.Serve(registry.ServerOptions{Dir: "/dev/null/x"}, registry.ServeOptions{})
	require.ErrorContains(t, err, "/dev/null/x")
	server := registry.NewServer(registry.ServerOptions{Dir: "/dev/null/x"})
	require.Error(t, server.Err())
}
