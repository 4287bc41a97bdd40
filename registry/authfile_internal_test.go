package registry

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzAuthFile reads any file of credentials: no error may repeat a part of it that looks like a secret.
func FuzzAuthFile(f *testing.F) {
	for _, s := range []string{
		`{"auths":{"r.test":{"auth":"TOPSECRET"}}}`, `{"auths":{"r.test":"TOPSECRET"}}`, `TOPSECRET`, `{"auths":["TOPSECRET"]}`,
		`{"auths":{"r.test":{"username":"a","password":"TOPSECRET"}}`, `{"credsStore":["TOPSECRET"]}`, `{"auths":null}`, `[]`,
	} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "auth.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "cred") { // it would run a program
			return
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
		file, err := readAuthFile(path)
		if err == nil {
			_, err = file.find(context.Background(), "r.test/a/b")
		}
		if err != nil {
			require.NotContains(t, err.Error(), "SECRET")
		}
	})
}
