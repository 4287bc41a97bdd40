// Package registryconformance runs the conformance suite of the OCI distribution spec against server.Server.
package registryconformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/require"
)

// suite is the conformance suite's program; go.mod has its version.
const suite = "github.com/opencontainers/distribution-spec/conformance"

// optional is what the suite leaves out by default and this registry does.
var optional = []string{
	"OCI_API_BLOBS_UPLOAD_CANCEL=true", "OCI_API_MANIFESTS_TAG_PARAM=true", "OCI_API_BLOBS_DIGEST_HEADER=true", "OCI_API_MANIFESTS_DIGEST_HEADER=true",
}

func TestConformance(t *testing.T) {
	program := filepath.Join(t.TempDir(), "conformance")
	out, err := exec.Command("go", "build", "-o", program, suite).CombinedOutput()
	require.NoError(t, err, "%s", out)

	user := server.User{Name: "conformance", Password: "correct horse"}
	for _, test := range []struct {
		name string
		o    server.Options
	}{
		{"memory", server.Options{}},
		{"dir", server.Options{Dir: t.TempDir()}},
		{"basic", server.Options{Auth: server.Auth{Users: []server.User{user}}}},
		{"bearer", server.Options{Auth: server.Auth{Users: []server.User{user}, Bearer: true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			reg, err := server.Serve(test.o, server.ServeOptions{})
			require.NoError(t, err)
			defer func() { require.NoError(t, reg.Close()) }()
			results := t.TempDir()
			if dir := os.Getenv("CONFORMANCE_RESULTS"); dir != "" {
				results = filepath.Join(dir, test.name)
			}
			cmd := exec.Command(program)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "OCI_REGISTRY="+reg.Addr, "OCI_TLS=disabled", "OCI_RESULTS_DIR="+results)
			cmd.Env = append(cmd.Env, optional...)
			if test.o.Auth.Users != nil {
				cmd.Env = append(cmd.Env, "OCI_USERNAME="+user.Name, "OCI_PASSWORD="+user.Password)
			}
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			require.NoError(t, err)
			require.Regexp(t, `(?m)^\s*FAIL\.+:\s+0$`, string(out))
			require.Regexp(t, `(?m)^\s*Pass\.+:\s+[1-9]\d{2,}$`, string(out), "hundreds of tests must have run")
		})
	}
}
