package dockertest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestMain gives the tests a store of their own.
func TestMain(m *testing.M) {
	os.Exit(inStore(m))
}

func inStore(m *testing.M) (code int) {
	if os.Getenv(dockertest.EnvRoot) != "" {
		return m.Run() // a child of a test
	}
	dir, err := os.MkdirTemp("", "caisson-dockertest-")
	if err == nil {
		err = os.Setenv(dockertest.EnvRoot, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code = m.Run()
	eng, err := dockertest.Engine()
	if err == nil {
		err = eng.Store().Destroy(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "destroy the tests' store:", err)
		return 1
	}
	return code
}

const dockerfile = `FROM scratch
COPY testbox /bin/testbox
COPY note /data/note
ENTRYPOINT ["/bin/testbox"]
EXPOSE 7000 9/udp
CMD ["listen", ":7000"]
`

const testboxImage = "localhost/testbox:1"

// testbox is an image with nothing but the test userland: there is no shell in it. It is built once in a store.
func testbox(t testing.TB) string {
	t.Helper()
	require.NoError(t, buildTestbox(context.WithoutCancel(t.Context())))
	return testboxImage
}

// exampleImage is the same for examples, which have no test.
func exampleImage() string {
	if err := buildTestbox(context.Background()); err != nil {
		log.Fatal(err)
	}
	return testboxImage
}

var building sync.Mutex

func buildTestbox(ctx context.Context) error {
	building.Lock()
	defer building.Unlock()
	eng, err := dockertest.Engine()
	if err != nil {
		return err
	}
	if _, err := eng.Store().Get(ctx, testboxImage); err == nil {
		return nil
	}
	box, err := testenv.TestboxBinary()
	if err != nil {
		return err
	}
	_, err = eng.Store().Build(ctx, image.BuildOptions{
		Context: fstest.MapFS{
			"testbox": {Data: box, Mode: 0o755},
			"note":    {Data: []byte("from the image"), Mode: 0o644},
		},
		DockerfileText: dockerfile, Tags: []string{testboxImage},
	})
	return err
}
