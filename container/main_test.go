package container_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// shared is the store of all tests that don't look at what is left behind.
var shared struct {
	once  sync.Once
	dir   string
	store *image.Store
	err   error
}

func TestMain(m *testing.M) {
	if scenario := os.Getenv(envChild); scenario != "" {
		child(scenario)
		return
	}
	code := m.Run()
	if shared.store != nil {
		if err := shared.store.Destroy(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "destroy the tests' store:", err)
			code = 1
		}
		if _, err := os.Stat(shared.dir); !os.IsNotExist(err) {
			fmt.Fprintln(os.Stderr, "the tests' store is still there:", shared.dir, err)
			code = 1
		}
	}
	os.Exit(code)
}

// testImage is the name of the tests' image.
const testImage = "localhost/testbox:1"

// dockerfile sets what the tests of image configuration look for.
const dockerfile = `FROM scratch
COPY testbox /bin/testbox
COPY passwd group /etc/
COPY note /data/note
ENV FROM_IMAGE=yes
WORKDIR /work
ENTRYPOINT ["/bin/testbox"]
CMD ["echo", "default", "command"]
`

func buildImage(t testing.TB, store *image.Store, name, text string) {
	t.Helper()
	files := fstest.MapFS{
		"testbox": {Data: testenv.Testbox(t), Mode: 0o755},
		"passwd":  {Data: []byte("root:x:0:0::/root:/bin/testbox\nalice:x:1000:1000::/home/alice:/bin/testbox\n"), Mode: 0o644},
		"group":   {Data: []byte("root:x:0:\nalice:x:1000:\nextra:x:2000:alice\n"), Mode: 0o644},
		"note":    {Data: []byte("from the image"), Mode: 0o644},
	}
	var out bytes.Buffer
	_, err := store.Build(t.Context(), image.BuildOptions{Context: files, DockerfileText: text, Tags: []string{name}, Output: &out})
	require.NoError(t, err, "%s", &out)
}

// newEngine returns an engine on the shared store, with the tests' image.
func newEngine(t testing.TB) *container.Engine {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "caisson-container-test-"); shared.err != nil {
			return
		}
		if shared.store, shared.err = image.OpenStore(image.StoreOptions{Root: shared.dir}); shared.err == nil {
			buildImage(t, shared.store, testImage, dockerfile)
		}
	})
	require.NoError(t, shared.err)
	e, err := container.NewEngine(shared.store, container.EngineOptions{})
	require.NoError(t, err)
	return e
}

// create makes a container of the test image that goes with the test.
func create(t testing.TB, e *container.Engine, opts container.Options) *container.Container {
	t.Helper()
	if opts.Image == "" {
		opts.Image = testImage
	}
	c, err := e.Create(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		err := c.Remove(context.Background(), container.RemoveOptions{Force: true})
		if err != nil {
			require.ErrorIs(t, err, container.ErrNotFound)
		}
	})
	return c
}

func start(t testing.TB, e *container.Engine, opts container.Options) *container.Container {
	t.Helper()
	c := create(t, e, opts)
	require.NoError(t, c.Start(t.Context()))
	return c
}

// run runs a command in a new container and returns its output and how it ended.
func run(t testing.TB, e *container.Engine, opts container.Options) (stdout, stderr string, st container.State) {
	t.Helper()
	c := start(t, e, opts)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	st, err := c.Wait(ctx)
	require.NoError(t, err)
	var out, errw bytes.Buffer
	require.NoError(t, c.Logs(ctx, container.LogsOptions{Stdout: &out, Stderr: &errw}))
	return out.String(), errw.String(), st
}
