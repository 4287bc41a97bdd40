package container_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log"
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
	testenv.Parallel(4)
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
	require.NoError(t, build(t.Context(), store, name, text))
}

func build(ctx context.Context, store *image.Store, name, text string) error {
	box, err := testenv.TestboxBinary()
	if err != nil {
		return err
	}
	files := fstest.MapFS{
		"testbox": {Data: box, Mode: 0o755},
		"passwd":  {Data: []byte("root:x:0:0::/root:/bin/testbox\nalice:x:1000:1000::/home/alice:/bin/testbox\n"), Mode: 0o644},
		"group":   {Data: []byte("root:x:0:\nalice:x:1000:\nextra:x:2000:alice\n"), Mode: 0o644},
		"note":    {Data: []byte("from the image"), Mode: 0o644},
	}
	for _, name := range []string{"cat", "echo", "env", "exit", "get", "listen", "sleep", "upper", "write"} { // the binary is all of them
		files["bin/"+name] = &fstest.MapFile{Data: []byte("testbox"), Mode: fs.ModeSymlink | 0o777}
	}
	var out bytes.Buffer
	if _, err = store.Build(ctx, image.BuildOptions{Context: files, DockerfileText: text, Tags: []string{name}, Output: &out}); err != nil {
		err = fmt.Errorf("%w\n%s", err, &out)
	}
	return err
}

// newEngine returns an engine on the shared store, with the tests' image.
func newEngine(t testing.TB) *container.Engine {
	t.Helper()
	e, err := sharedEngine()
	require.NoError(t, err)
	return e
}

func sharedEngine() (*container.Engine, error) {
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "caisson-container-test-"); shared.err != nil {
			return
		}
		if shared.store, shared.err = image.OpenStore(image.StoreOptions{Root: shared.dir}); shared.err == nil {
			shared.err = build(context.Background(), shared.store, testImage, dockerfile)
		}
	})
	if shared.err != nil {
		return nil, shared.err
	}
	return container.NewEngine(shared.store, container.EngineOptions{})
}

// exampleEngine returns an engine for an example. Its store has the image app:1, with a few commands such as cat.
var exampleEngine = sync.OnceValue(func() *container.Engine {
	e, err := sharedEngine()
	if err == nil {
		err = build(context.Background(), e.Store(), "app:1", "FROM scratch\nCOPY bin /bin\nCOPY testbox /bin/\nCOPY note /data/note\nENV PATH=/bin\nCMD [\"sleep\", \"1h\"]\n")
	}
	if err != nil {
		log.Fatal(err)
	}
	return e
})

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

// dropVolume has a named volume removed at the end of the test. Call it before the containers that use it are created:
// they are removed first then.
func dropVolume(t testing.TB, e *container.Engine, name string) {
	t.Helper()
	t.Cleanup(func() {
		if err := e.RemoveVolume(context.Background(), name); err != nil {
			require.ErrorIs(t, err, container.ErrNotFound)
		}
	})
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
