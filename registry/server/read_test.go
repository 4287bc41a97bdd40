package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRangeReads(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		registrytest.PushBlob(t, registrytest.Dial(t, reg.Addr), "app", "0123456789")
		url := reg.URL + "/v2/app/blobs/" + registrytest.Sum("0123456789")
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
			a := registrytest.Do(t, "GET", url, "", "Range", test.rng)
			assert.Equal(t, test.status, a.Status, test.rng)
			if test.body != "" {
				assert.Equal(t, test.body, a.Body, test.rng)
			}
		}
		head := registrytest.Do(t, "HEAD", url, "")
		assert.Equal(t, "10", head.Header.Get("Content-Length"))
		assert.Equal(t, registrytest.Sum("0123456789"), head.Header.Get("Docker-Content-Digest"))
		assert.Equal(t, 304, registrytest.Do(t, "GET", url, "", "If-None-Match", `"`+registrytest.Sum("0123456789")+`"`).Status)
	})
}

func TestTagPages(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		c := registrytest.Dial(t, reg.Addr)
		for _, tag := range []string{"b", "a", "B", "c", "1"} { // B and b differ on every file system
			registrytest.PushImage(t, c, "app", tag, "layer "+tag)
		}
		first := registrytest.Do(t, "GET", reg.URL+"/v2/app/tags/list?n=2", "")
		assert.JSONEq(t, `{"name":"app","tags":["1","B"]}`, first.Body)
		assert.Equal(t, `</v2/app/tags/list?last=B&n=2>; rel="next"`, first.Header.Get("Link"))
		last := registrytest.Do(t, "GET", reg.URL+"/v2/app/tags/list?n=2&last=b", "")
		assert.JSONEq(t, `{"name":"app","tags":["c"]}`, last.Body)
		assert.Empty(t, last.Header.Get("Link"))
		assert.JSONEq(t, `{"name":"app","tags":[]}`, registrytest.Do(t, "GET", reg.URL+"/v2/app/tags/list?n=0", "").Body)
		assert.Equal(t, 400, registrytest.Do(t, "GET", reg.URL+"/v2/app/tags/list?n=-1", "").Status)
		assert.Equal(t, 404, registrytest.Do(t, "GET", reg.URL+"/v2/lost/tags/list", "").Status)
		assert.JSONEq(t, `{"repositories":["app"]}`, registrytest.Do(t, "GET", reg.URL+"/v2/_catalog", "").Body)
	})
}

func TestReferrers(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		c := registrytest.Dial(t, reg.Addr)
		subject := registrytest.PushImage(t, c, "app", "1", "layer")
		m := registrytest.ImageManifest(registrytest.PushBlob(t, c, "app", "{}"))
		m.Subject, m.ArtifactType = &subject, "application/x-signature"
		m.Annotations = map[string]string{"by": "me"}
		data, err := json.Marshal(m)
		require.NoError(t, err)
		a := registrytest.Do(t, "PUT", reg.URL+"/v2/app/manifests/"+registrytest.Sum(string(data)), string(data), "Content-Type", m.MediaType)
		require.Equal(t, 201, a.Status, a.Body)
		assert.Equal(t, subject.Digest.String(), a.Header.Get("OCI-Subject"))

		url := reg.URL + "/v2/app/referrers/" + subject.Digest.String()
		var index ocispec.Index
		require.NoError(t, json.Unmarshal([]byte(registrytest.Do(t, "GET", url, "").Body), &index))
		require.Len(t, index.Manifests, 1)
		assert.Equal(t, "application/x-signature", index.Manifests[0].ArtifactType)
		assert.Equal(t, m.Annotations, index.Manifests[0].Annotations)
		none := registrytest.Do(t, "GET", url+"?artifactType=other", "")
		assert.Equal(t, "artifactType", none.Header.Get("OCI-Filters-Applied"))
		assert.Contains(t, none.Body, `"manifests":[]`)

		require.Equal(t, 202, registrytest.Do(t, "DELETE", reg.URL+"/v2/app/manifests/"+registrytest.Sum(string(data)), "").Status)
		assert.Contains(t, registrytest.Do(t, "GET", url, "").Body, `"manifests":[]`)
		assert.Equal(t, 200, registrytest.Do(t, "GET", reg.URL+"/v2/lost/referrers/"+registrytest.Sum("x"), "").Status, "the API must not answer 404")
	})
}

func TestDeleteAndCollect(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		o.Limits.UploadTTL = time.Nanosecond
		reg := registrytest.Serve(t, o)
		c := registrytest.Dial(t, reg.Addr)
		ctx := context.Background()
		kept := registrytest.PushImage(t, c, "app", "kept", "shared", "one")
		gone := registrytest.PushImage(t, c, "app", "gone", "shared", "two")
		registrytest.PushBlob(t, c, "other", "orphan")
		startUpload(t, reg, "other")

		did, err := reg.Collect(ctx, server.CollectOptions{})
		require.NoError(t, err)
		assert.Equal(t, server.Collected{Uploads: 1}, did, "an hour of grace")

		require.NoError(t, c.DeleteTag(ctx, "app", "gone"))
		did, err = reg.Collect(ctx, server.CollectOptions{Grace: -1})
		require.NoError(t, err)
		assert.Equal(t, server.Collected{Blobs: 1, Bytes: 6}, did, "untagged manifests stay")

		did, err = reg.Collect(ctx, server.CollectOptions{Grace: -1, Untagged: true})
		require.NoError(t, err)
		assert.Equal(t, 1, did.Manifests)
		_, err = c.ResolveManifest(ctx, "app", gone.Digest)
		require.Error(t, err)
		_, err = c.ResolveBlob(ctx, "app", digest.FromString("two"))
		require.Error(t, err)
		assert.Equal(t, "shared", registrytest.GetBlob(t, c, "app", digest.FromString("shared")))

		require.NoError(t, c.DeleteManifest(ctx, "app", kept.Digest))
		_, err = c.ResolveTag(ctx, "app", "kept")
		require.ErrorIs(t, err, ociregistry.ErrNameUnknown, "a manifest's tags go with it")
		_, err = reg.Collect(ctx, server.CollectOptions{Grace: -1})
		require.NoError(t, err)
		assert.JSONEq(t, `{"repositories":[]}`, registrytest.Do(t, "GET", reg.URL+"/v2/_catalog", "").Body)
	})
}

func TestIndexAndReferrersKeepWhatTheyReach(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		c := registrytest.Dial(t, reg.Addr)
		index := registrytest.PushIndex(t, c, "app", "1", "amd64", "arm64")
		signature := registrytest.ImageManifest(registrytest.PushBlob(t, c, "app", "{}"))
		signature.Subject = &index
		desc := registrytest.PushManifest(t, c, "app", "", signature.MediaType, signature)
		did, err := reg.Collect(context.Background(), server.CollectOptions{Grace: -1, Untagged: true})
		require.NoError(t, err)
		assert.Zero(t, did)
		_, err = c.ResolveManifest(context.Background(), "app", desc.Digest)
		require.NoError(t, err)
	})
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	registrytest.PushImage(t, registrytest.Dial(t, registrytest.Serve(t, server.Options{Dir: dir}).Addr), "app", "1", "layer")
	reg := registrytest.Serve(t, server.Options{Dir: dir, ReadOnly: true})
	assert.Equal(t, 200, registrytest.Do(t, "GET", reg.URL+"/v2/app/manifests/1", "").Status)
	assert.Equal(t, 405, registrytest.Do(t, "DELETE", reg.URL+"/v2/app/manifests/1", "").Status)
	assert.Equal(t, 405, registrytest.Do(t, "POST", reg.URL+"/v2/app/blobs/uploads/", "").Status)
}

func TestRequests(t *testing.T) {
	reg := registrytest.Serve(t, server.Options{KeepRequests: 3})
	for i := range 5 {
		registrytest.Do(t, "GET", fmt.Sprintf("%s/v2/app%d/manifests/1", reg.URL, i), "")
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
	_, err := server.Serve(server.Options{Dir: "/dev/null/x"}, server.ServeOptions{})
	require.ErrorContains(t, err, "/dev/null/x")
	server := server.New(server.Options{Dir: "/dev/null/x"})
	require.Error(t, server.Err())
}
