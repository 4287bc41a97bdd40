// Package dockerfile shows a container of an image that a Dockerfile in the repository describes. The image is built
// once, by whichever test comes first, and again when a file of it has changed.
package dockerfile

import (
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
)

// fixture is the image. Its base would be one of a registry's in most cases; this one needs no network.
func fixture(t testing.TB) string {
	t.Helper()
	return dockertest.Build(t, image.BuildOptions{
		Context: os.DirFS("testdata"),
		Args:    map[string]string{"BASE": dockertest.BuildGo(t, "./server", image.GoOptions{})},
	})
}

func TestGreeting(t *testing.T) {
	c := dockertest.Run(t, fixture(t), dockertest.Port(8080))
	resp, err := http.Get(c.URL("http", 8080))
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "hello from the Dockerfile\n", string(body))
}

func TestBuiltOnce(t *testing.T) {
	assert.Equal(t, fixture(t), fixture(t))
}
