package registry_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func listTags(ctx context.Context, c *registry.Client, repo string) (tags []string, err error) {
	for tag, err := range c.Tags(ctx, repo, registry.ListOptions{}) {
		if err != nil {
			return tags, err
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

func TestTagsByPage(t *testing.T) {
	reg := registrytest.Serve(t, server.Options{})
	oci := registrytest.Dial(t, reg.Addr)
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprint("v", i))
		registrytest.PushImage(t, oci, "app", want[i], "layer")
	}
	reg.ResetRequests()
	var got []string
	for tag, err := range registrytest.Anonymous().Tags(context.Background(), reg.Addr+"/app", registry.ListOptions{PageSize: 2, After: "v0"}) {
		require.NoError(t, err)
		got = append(got, tag)
	}
	assert.Equal(t, want[1:], got)
	assert.Len(t, reg.Requests(), 3)
	reg.ResetRequests()
	for range registrytest.Anonymous().Tags(context.Background(), reg.Addr+"/app", registry.ListOptions{PageSize: 2}) {
		break
	}
	assert.Len(t, reg.Requests(), 1, "pages are fetched as the caller goes on")

	_, err := listTags(context.Background(), registrytest.Anonymous(), reg.Addr+"/lost")
	require.ErrorIs(t, err, registry.ErrNotFound)
	_, err = listTags(context.Background(), registrytest.Anonymous(), reg.Addr+"/app:1")
	require.ErrorIs(t, err, registry.ErrInvalidReference)
}

func TestListDoesNotLeaveTheRegistry(t *testing.T) {
	other := registrytest.Serve(t, server.Options{})
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", `<`+other.URL+`/v2/app/tags/list>; rel="next"`)
		_, _ = fmt.Fprint(w, `{"tags":["a"]}`)
	}))
	defer evil.Close()
	_, err := listTags(context.Background(), registrytest.Client("me", "pw"), strings.TrimPrefix(evil.URL, "http://")+"/app")
	require.ErrorContains(t, err, "not at the same registry")
	assert.Empty(t, other.Requests())
}

func TestManifest(t *testing.T) {
	reg := registrytest.Serve(t, server.Options{})
	oci := registrytest.Dial(t, reg.Addr)
	index := registrytest.PushIndex(t, oci, "app", "1", "amd64", "arm64")
	ctx := context.Background()
	c := registrytest.Anonymous()

	m, err := c.Manifest(ctx, reg.Addr+"/app:1", registry.ManifestOptions{})
	require.NoError(t, err)
	assert.True(t, m.IsIndex())
	assert.Equal(t, reg.Addr+"/app@"+index.Digest.String(), m.Reference)
	require.Len(t, m.Manifests, 2)
	assert.Equal(t, "linux/arm64", m.Manifests[1].Platform)
	assert.Equal(t, registrytest.Sum(string(m.Raw)), m.Digest)

	for _, platform := range []string{"linux/arm64", "linux/arm64/v8"} {
		m, err = c.Manifest(ctx, reg.Addr+"/app:1", registry.ManifestOptions{Platform: platform})
		require.NoError(t, err)
		assert.False(t, m.IsIndex())
		assert.Equal(t, registrytest.Sum("layer for arm64"), m.Layers[0].Digest)
		assert.Equal(t, registrytest.Sum(`{"architecture":"arm64"}`), m.Config.Digest)
	}
	_, err = c.Manifest(ctx, reg.Addr+"/app:1", registry.ManifestOptions{Platform: "linux/s390x"})
	require.ErrorIs(t, err, registry.ErrNoPlatform)
	require.ErrorContains(t, err, "linux/amd64, linux/arm64")
	registrytest.PushImage(t, oci, "app", "single", "layer")
	for _, platform := range []string{"arm64", "plan9", "linux/", "/arm64", "linux/arm/v7/x"} {
		for _, tag := range []string{"1", "single", "none"} {
			_, err = c.Manifest(ctx, reg.Addr+"/app:"+tag, registry.ManifestOptions{Platform: platform})
			require.ErrorIs(t, err, registry.ErrInvalidArgument, platform)
			require.ErrorContains(t, err, "Platform", platform)
			_, err = c.Copy(ctx, reg.Addr+"/app:"+tag, reg.Addr+"/copy:1", registry.CopyOptions{Platform: platform})
			require.ErrorIs(t, err, registry.ErrInvalidArgument, platform)
		}
	}
	m, err = c.Manifest(ctx, reg.Addr+"/app:single", registry.ManifestOptions{Platform: "linux/s390x"})
	require.NoError(t, err, "what is not an index is taken as it is")
	assert.Equal(t, registrytest.Sum("layer"), m.Layers[0].Digest)
	_, err = c.Manifest(ctx, reg.Addr+"/app", registry.ManifestOptions{})
	require.ErrorIs(t, err, registry.ErrNotFound, "no tag is latest")
	for _, ref := range []string{"", "App", "a/../b", reg.Addr + "/app:1:2", reg.Addr + "/app@sha256:1", "http://x/y", "a b", reg.Addr + "/"} {
		_, err = c.Manifest(ctx, ref, registry.ManifestOptions{})
		require.ErrorIs(t, err, registry.ErrInvalidReference, ref)
	}
}

func TestResolveExistsDelete(t *testing.T) {
	reg := registrytest.Serve(t, server.Options{})
	oci := registrytest.Dial(t, reg.Addr)
	desc := registrytest.PushImage(t, oci, "app", "1", "layer")
	registrytest.PushImage(t, oci, "app", "2", "layer")
	ctx := context.Background()
	c := registrytest.Anonymous()

	got, err := c.Resolve(ctx, reg.Addr+"/app:1")
	require.NoError(t, err)
	assert.Equal(t, registry.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest.String(), Size: desc.Size}, got)
	require.ErrorIs(t, c.Delete(ctx, reg.Addr+"/app"), registry.ErrInvalidReference)
	require.ErrorIs(t, c.Delete(ctx, reg.Addr+"/app:1@"+registrytest.Sum("other")), registry.ErrDigestMismatch)
	require.NoError(t, c.Delete(ctx, reg.Addr+"/app:1"))
	for ref, want := range map[string]bool{"/app:1": false, "/app:2": true, "/app@" + desc.Digest.String(): true, "/lost:1": false} {
		found, err := c.Exists(ctx, reg.Addr+ref)
		require.NoError(t, err)
		assert.Equal(t, want, found, ref)
	}
	require.NoError(t, c.Delete(ctx, reg.Addr+"/app@"+desc.Digest.String()))
	require.ErrorIs(t, c.Delete(ctx, reg.Addr+"/app:2"), registry.ErrNotFound)
}

// TestDeleteIsRefused: to name the digest is the remedy only where the registry refuses tags.
func TestDeleteIsRefused(t *testing.T) {
	const advice = "if the registry deletes by digest only, name the digest"
	answer := func(status int, body string) func(t *testing.T) string {
		return func(t *testing.T) string {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, body)
			}))
			t.Cleanup(srv.Close)
			return strings.TrimPrefix(srv.URL, "http://")
		}
	}
	for name, test := range map[string]struct {
		at     func(t *testing.T) string
		advice bool
	}{
		"read-only":        {func(t *testing.T) string { return registrytest.Serve(t, server.Options{ReadOnly: true}).Addr }, false},
		"no reason":        {answer(405, ""), true},
		"Docker's":         {answer(405, `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`), true},
		"tags":             {answer(400, `{"errors":[{"code":"UNSUPPORTED","message":"deleting a tag is not allowed"}]}`), true},
		"all are for ever": {answer(405, `{"errors":[{"code":"UNSUPPORTED","message":"images are immutable"}]}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := registrytest.Anonymous().Delete(context.Background(), test.at(t)+"/app:1")
			require.ErrorIs(t, err, registry.ErrUnsupported)
			require.ErrorIs(t, err, registry.ErrDenied)
			assert.Equal(t, test.advice, strings.Contains(err.Error(), advice), err)
		})
	}
}

func TestCopy(t *testing.T) {
	ctx := context.Background()
	from, to := registrytest.Serve(t, server.Options{}), registrytest.Serve(t, server.Options{Dir: t.TempDir()})
	oci := registrytest.Dial(t, from.Addr)
	index := registrytest.PushIndex(t, oci, "app", "1", "amd64", "arm64")
	signature := registrytest.ImageManifest(registrytest.PushBlob(t, oci, "app", "{}"))
	signature.Subject = &index
	signed := registrytest.PushManifest(t, oci, "app", "", signature.MediaType, signature)
	c := registrytest.Anonymous()

	copied := func(source, destination string, o registry.CopyOptions) (registry.Descriptor, map[string]int) {
		t.Helper()
		how := map[string]int{}
		o.Progress = func(p registry.CopyProgress) { how[p.How]++ }
		desc, err := c.Copy(ctx, source, destination, o)
		require.NoError(t, err)
		return desc, how
	}
	one, how := copied(from.Addr+"/app:1", to.Addr+"/one:1", registry.CopyOptions{Platform: "linux/arm64"})
	assert.Equal(t, map[string]int{registry.HowCopied: 3}, how, "config, layer, manifest")
	assert.Equal(t, "layer for arm64", registrytest.GetBlob(t, registrytest.Dial(t, to.Addr), "one", digest.FromString("layer for arm64")))
	assert.NotEqual(t, index.Digest.String(), one.Digest)

	all, how := copied(from.Addr+"/app:1", to.Addr+"/all", registry.CopyOptions{Referrers: true})
	assert.Equal(t, index.Digest.String(), all.Digest)
	assert.Equal(t, map[string]int{registry.HowCopied: 9}, how)
	found, err := c.Exists(ctx, to.Addr+"/all@"+signed.Digest.String())
	require.NoError(t, err)
	assert.True(t, found, "the signature came along")

	_, how = copied(from.Addr+"/app:1", to.Addr+"/all", registry.CopyOptions{})
	assert.Equal(t, map[string]int{registry.HowPresent: 4, registry.HowCopied: 3}, how)
	_, how = copied(to.Addr+"/all", to.Addr+"/again:2", registry.CopyOptions{})
	assert.Equal(t, map[string]int{registry.HowMounted: 4, registry.HowCopied: 3}, how)

	_, err = c.Copy(ctx, from.Addr+"/app:1", to.Addr+"/x@"+registrytest.Sum("other"), registry.CopyOptions{})
	require.ErrorIs(t, err, registry.ErrDigestMismatch)
	_, err = c.Copy(ctx, from.Addr+"/lost", to.Addr+"/x", registry.CopyOptions{})
	require.ErrorIs(t, err, registry.ErrNotFound)
}

func TestClientReferrers(t *testing.T) {
	reg := registrytest.Serve(t, server.Options{})
	oci := registrytest.Dial(t, reg.Addr)
	subject := registrytest.PushImage(t, oci, "app", "1", "layer")
	m := registrytest.ImageManifest(registrytest.PushBlob(t, oci, "app", "{}"))
	m.Subject, m.ArtifactType = &subject, "application/x-sbom"
	registrytest.PushManifest(t, oci, "app", "", m.MediaType, m)
	for artifactType, want := range map[string]int{"": 1, "application/x-sbom": 1, "other": 0} {
		n := 0
		for desc, err := range registrytest.Anonymous().Referrers(context.Background(), reg.Addr+"/app:1", registry.ReferrersOptions{ArtifactType: artifactType}) {
			require.NoError(t, err)
			assert.Equal(t, "application/x-sbom", desc.ArtifactType)
			n++
		}
		assert.Equal(t, want, n)
	}
}

func TestTLS(t *testing.T) {
	ctx := context.Background()
	reg, err := server.Serve(server.Options{}, server.ServeOptions{TLS: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, reg.Close()) }()
	certs := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(certs, reg.Addr), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(certs, reg.Addr, "ca.crt"), reg.CertPEM(), 0o600))
	none := t.TempDir()
	plain, err := server.Serve(server.Options{}, server.ServeOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, plain.Close()) }()
	authority := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(authority, plain.Addr), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(authority, plain.Addr, "ca.crt"), reg.CertPEM(), 0o600))
	for _, test := range []struct {
		name  string
		o     registry.TLSOptions
		tls   string // what is wrong with the server that speaks TLS
		plain string // and with the other
	}{
		{name: "zero", o: registry.TLSOptions{CertsDir: none}},
		{name: "pool", o: registry.TLSOptions{RootCAs: reg.CertPool(), CertsDir: none}},
		{name: "certs.d", o: registry.TLSOptions{CertsDir: certs}},
		{name: "unverified", o: registry.TLSOptions{SkipVerify: true, CertsDir: none}},
		{name: "another authority", o: registry.TLSOptions{RootCAs: otherPool(t), CertsDir: none}, tls: "certificate signed by unknown authority"},
		{name: "certs.d for the other", o: registry.TLSOptions{CertsDir: authority}, plain: "TLSOptions.PlainHTTP"},
		{name: "no TLS at all", o: registry.TLSOptions{PlainHTTP: true, CertsDir: none}, tls: "unset TLSOptions.PlainHTTP"},
	} {
		c := registry.NewClient(registry.ClientOptions{
			TLS: test.o, AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 1},
		})
		for addr, says := range map[string]string{reg.Addr: test.tls, plain.Addr: test.plain} {
			found, err := c.Exists(ctx, addr+"/app:1")
			assert.False(t, found)
			if says == "" {
				require.NoError(t, err, test.name)
				continue
			}
			require.ErrorIs(t, err, registry.ErrUnreachable, test.name)
			require.ErrorContains(t, err, says, test.name)
		}
	}
}

// TestLoopbackRedirect: what is taken of the loopback's registry is not taken of where it leads.
func TestLoopbackRedirect(t *testing.T) {
	other, err := server.Serve(server.Options{}, server.ServeOptions{TLS: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer first.Close()
	c := registry.NewClient(registry.ClientOptions{AuthFile: "/nonexistent/auth.json", TLS: registry.TLSOptions{CertsDir: t.TempDir()}})
	_, err = c.Resolve(context.Background(), strings.TrimPrefix(first.URL, "http://")+"/app:1")
	require.ErrorIs(t, err, registry.ErrUnreachable)
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	assert.Empty(t, other.Requests())
}

// TestLoopbackChanges: the port of a registry on loopback may be that of another one later, with TLS or without.
func TestLoopbackChanges(t *testing.T) {
	reg := server.New(server.Options{})
	registrytest.PushImage(t, dialHandler(t, reg), "app", "1", "layer")
	c := registry.NewClient(registry.ClientOptions{
		AuthFile: "/nonexistent/auth.json", TLS: registry.TLSOptions{CertsDir: t.TempDir()}, Retry: registry.RetryOptions{Delay: time.Millisecond},
	})
	addr := "127.0.0.1:0"
	for _, secure := range []bool{false, true, false} {
		at, err := reg.Serve(server.ServeOptions{Addr: addr, TLS: secure})
		require.NoError(t, err)
		addr = at.Addr
		found, err := c.Exists(context.Background(), addr+"/app:1")
		require.NoError(t, err)
		require.True(t, found)
		require.NoError(t, at.Close())
	}
}

// TestLoopbackReadsLines: a server without TLS may answer a handshake with nothing, because no line of it ends.
func TestLoopbackReadsLines(t *testing.T) {
	testenv.Slow(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				if b, err := in.Peek(1); err != nil || b[0] != 'H' { // of HEAD
					_, _ = io.Copy(io.Discard, in)
					return
				}
				_, _ = fmt.Fprint(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
			}()
		}
	}()
	found, err := registrytest.Anonymous().Exists(context.Background(), l.Addr().String()+"/app:1")
	require.NoError(t, err)
	assert.False(t, found)
}

func dialHandler(t *testing.T, h http.Handler) ociregistry.Interface {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return registrytest.Dial(t, strings.TrimPrefix(srv.URL, "http://"))
}

func TestStalledBody(t *testing.T) {
	done := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = fmt.Fprint(w, "{")
		_ = http.NewResponseController(w).Flush()
		<-done
	}))
	defer hung.Close()
	defer close(done)
	c := registry.NewClient(registry.ClientOptions{
		AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 1, Stall: 20 * time.Millisecond},
	})
	ref := strings.TrimPrefix(hung.URL, "http://") + "/app:1"
	_, err := c.Manifest(context.Background(), ref, registry.ManifestOptions{})
	require.ErrorIs(t, err, registry.ErrUnreachable)
	require.ErrorContains(t, err, "no data arrived for too long")

	patient := registry.NewClient(registry.ClientOptions{AuthFile: "/nonexistent/auth.json"})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = patient.Manifest(ctx, ref, registry.ManifestOptions{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, registry.ErrUnreachable)
}

// TestStatusOnce: an answer that has no error in it is told by its status, once.
func TestStatusOnce(t *testing.T) {
	for _, body := range []string{"", "no", "{}", `{"errors":[]}`, `{"errors":[{"code":"UNAUTHORIZED"}]}`} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, body)
		}))
		defer srv.Close()
		at := strings.TrimPrefix(srv.URL, "http://")
		c := registrytest.Anonymous()
		_, manifest := c.Manifest(context.Background(), at+"/app:1", registry.ManifestOptions{})
		_, resolve := c.Resolve(context.Background(), at+"/app:1")
		_, tags := listTags(context.Background(), c, at+"/app")
		_, login := c.Login(context.Background(), at, registry.LoginOptions{Username: "me", Password: strings.NewReader("pw")})
		for _, err := range []error{manifest, resolve, tags, login} {
			require.ErrorIs(t, err, registry.ErrUnauthorized)
			assert.Equal(t, 1, strings.Count(err.Error(), "401 Unauthorized"), err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	gone, err := server.Serve(server.Options{}, server.ServeOptions{})
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	require.NoError(t, gone.Close(), "a second time does nothing")
	_, err = registrytest.Anonymous().Resolve(context.Background(), gone.Addr+"/app:1")
	require.ErrorIs(t, err, registry.ErrUnreachable)
	require.ErrorContains(t, err, "connection refused")
}

// otherPool has an authority that signed nothing.
func otherPool(t *testing.T) *x509.CertPool {
	t.Helper()
	other, err := server.Serve(server.Options{}, server.ServeOptions{TLS: true})
	require.NoError(t, err)
	require.NoError(t, other.Close())
	return other.CertPool()
}
