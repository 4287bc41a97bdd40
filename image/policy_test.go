//go:build linux

package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestSignatures has a policy that wants signatures, by GnuPG's keys in a directory and by cosign's beside the image. What
// is not signed as it wants is refused before a layer is fetched.
func TestSignatures(t *testing.T) {
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	to := serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	client := registry.NewClient(registry.ClientOptions{})
	defer client.Close()
	digests, layers := map[string]string{}, map[string]string{} // of the manifest and the layer, by name
	for _, name := range []string{"signed", "unsigned", "swapped"} {
		layer := layerTar(t, []tar.Header{{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}})
		_, err := s.Import(t.Context(), bytes.NewReader(layer), image.ImportOptions{Tags: []string{name}})
		require.NoError(t, err)
		digests[name], err = s.Push(t.Context(), name, image.PushOptions{Destination: reg.Addr + "/" + name + ":1"})
		require.NoError(t, err)
		m, err := client.Manifest(t.Context(), reg.Addr+"/"+name+":1", registry.ManifestOptions{})
		require.NoError(t, err)
		layers[name] = m.Layers[0].Digest
	}
	dir := t.TempDir()
	fetched := func(name string) bool {
		return slices.ContainsFunc(reg.Server.Requests(), func(r server.Request) bool {
			return r.Method == http.MethodGet && r.Repository == name && r.Reference == layers[name]
		})
	}
	config := func(requirement, where string) map[string]string {
		return map[string]string{
			"policy.json":         fmt.Sprintf(`{"default":[{"type":"reject"}],"transports":{"docker":{%q:[%s]}}}`, reg.Addr, requirement),
			"registries.d/x.yaml": fmt.Sprintf("docker:\n  %q:\n    %s\n", reg.Addr, where),
		}
	}
	check := func(t *testing.T, config map[string]string) {
		t.Helper()
		reg.Server.ResetRequests()
		t.Setenv("CAISSON_TEST_PUSH", to.Addr+"/again:1")
		out := pullWith(t, config, reg.Addr+"/signed:1", reg.Addr+"/unsigned:1", reg.Addr+"/swapped:1")
		require.Contains(t, out, reg.Addr+"/signed:1 -> ok\n")
		require.Contains(t, out, "pushed: <nil>\nsaved: <nil>\n", "what is signed can be pushed and saved, without the signature")
		for _, name := range []string{"unsigned", "swapped"} {
			require.Contains(t, out, reg.Addr+"/"+name+":1 -> policy\nerror: pull "+reg.Addr+"/"+name+":1: ")
			require.False(t, fetched(name), "a layer of %s was fetched", name)
		}
		require.True(t, fetched("signed"))
		require.Contains(t, out, ".config/containers/policy.json does not allow this image")
	}

	t.Run("simple signing", func(t *testing.T) {
		home := gpgHome(t)
		public := gpgKey(t, home, dir, "joe")
		for name, what := range map[string]string{"signed": "signed", "swapped": "signed"} { // the other one's signature
			payload := simpleSigning("atomic container signature", reg.Addr+"/"+name+":1", digests[what])
			sig := gpg(t, home, payload, "--local-user", "joe@example.com", "--sign")
			path := filepath.Join(dir, "lookaside", name+"@"+strings.Replace(digests[name], ":", "=", 1), "signature-1")
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, sig, 0o600))
		}
		check(t, config(fmt.Sprintf(`{"type":"signedBy","keyType":"GPGKeys","keyPath":%q}`, public), "lookaside: file://"+filepath.Join(dir, "lookaside")))
		stranger := gpgKey(t, home, dir, "stranger")
		out := pullWith(t, config(fmt.Sprintf(`{"type":"signedBy","keyType":"GPGKeys","keyPath":%q}`, stranger), "lookaside: file://"+filepath.Join(dir, "lookaside")), reg.Addr+"/signed:1")
		require.Contains(t, out, "-> policy\n")
	})
	t.Run("sigstore", func(t *testing.T) {
		key, public := cosignKey(t, dir)
		for name, what := range map[string]string{"signed": "signed", "swapped": "signed"} {
			cosign(t, reg.Addr, name, digests[name], key, simpleSigning("cosign container image signature", reg.Addr+"/"+name, digests[what]))
		}
		want := fmt.Sprintf(`{"type":"sigstoreSigned","keyPath":%q,"signedIdentity":{"type":"matchRepository"}}`, public)
		check(t, config(want, "use-sigstore-attachments: true"))
		out := pullWith(t, config(want, "use-sigstore-attachments: false"), reg.Addr+"/signed:1")
		require.Contains(t, out, "-> policy\n", "nobody looks for its signatures")
	})
	t.Run("broken policy", func(t *testing.T) {
		for name, text := range map[string]string{"no JSON": "{", "no key": config(`{"type":"signedBy","keyType":"GPGKeys","keyPath":"/nonexistent"}`, "")["policy.json"]} {
			out := pullWith(t, map[string]string{"policy.json": text}, reg.Addr+"/signed:1")
			require.Contains(t, out, "-> policy\n", name)
			require.Contains(t, out, "policy.json", name)
		}
	})
	t.Run("by variable", func(t *testing.T) {
		path := filepath.Join(dir, "other.json")
		require.NoError(t, os.WriteFile(path, []byte(`{"default":[{"type":"reject"}]}`), 0o600))
		t.Setenv("CONTAINERS_POLICY_JSON", path)
		out := pullWith(t, nil, reg.Addr+"/signed:1")
		require.Contains(t, out, "-> policy\n")
		require.Contains(t, out, path)
	})
}

// simpleSigning is what both kinds of signatures sign (containers-signature(5)).
func simpleSigning(kind, ref, digest string) []byte {
	return fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":%q},"optional":{}}`, ref, digest, kind)
}

// gpg runs GnuPG with a home of the test's.
func gpg(t *testing.T, home string, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "gpg %v: %s", args, &stderr)
	return out
}

// gpgHome is a home for GnuPG, with a short name: its agent's socket is in it.
func gpgHome(t *testing.T) string {
	t.Helper()
	testenv.Program(t, "gpg", "gnupg")
	home, err := os.MkdirTemp("", "gpg-")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // its agent ends without its home, too
		require.NoError(t, os.RemoveAll(home))
	})
	return home
}

// gpgKey makes a key, and returns the file of the public one.
func gpgKey(t *testing.T, home, dir, name string) string {
	t.Helper()
	gpg(t, home, nil, "--quick-generate-key", name+" <"+name+"@example.com>", "ed25519", "sign", "never")
	path := filepath.Join(dir, name+".gpg")
	require.NoError(t, os.WriteFile(path, gpg(t, home, nil, "--export", name+"@example.com"), 0o600))
	return path
}

func cosignKey(t *testing.T, dir string) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	path := filepath.Join(dir, "cosign.pub")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	return key, path
}

// cosign puts a signature beside an image as cosign sign --key does.
func cosign(t *testing.T, addr, repo, digest string, key *ecdsa.PrivateKey, payload []byte) {
	t.Helper()
	sum := sha256.Sum256(payload)
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	require.NoError(t, err)
	send := func(method, url, mediaType string, body []byte) {
		req, err := http.NewRequest(method, "http://"+addr+"/v2/"+repo+url, bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", mediaType)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, resp.StatusCode, "%s", text)
	}
	blob := func(mediaType string, b []byte) map[string]any {
		send(http.MethodPost, "/blobs/uploads/?digest="+digestOf(b), "application/octet-stream", b)
		return map[string]any{"mediaType": mediaType, "digest": digestOf(b), "size": len(b)}
	}
	layer := blob("application/vnd.dev.cosign.simplesigning.v1+json", payload)
	layer["annotations"] = map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(sig)}
	m, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": blob("application/vnd.oci.image.config.v1+json", []byte(`{"rootfs":{"type":"layers"}}`)), "layers": []any{layer},
	})
	require.NoError(t, err)
	send(http.MethodPut, "/manifests/"+strings.Replace(digest, ":", "-", 1)+".sig", "application/vnd.oci.image.manifest.v1+json", m)
}
