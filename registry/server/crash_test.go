package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociclient"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/caisson-dev/caisson/registry/server/internal/storage"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crashDir, in the environment, makes TestServeUntilKilled a registry in a process of its own.
const crashDir = "CAISSON_TEST_REGISTRY_DIR"

func TestServeUntilKilled(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("it is the process that TestKill and TestProcesses start")
	}
	reg, err := server.Serve(server.Options{Dir: dir}, server.ServeOptions{})
	require.NoError(t, err)
	fmt.Println("serving", reg.Addr)
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the parent ends, or kills
	require.NoError(t, reg.Close())
}

// startProcess serves a directory from another process.
func startProcess(t *testing.T, dir string) (addr string, pid int, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServeUntilKilled$", "-test.v")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if a, ok := strings.CutPrefix(lines.Text(), "serving "); ok {
			addr = a
			break
		}
	}
	require.NotEmpty(t, addr)
	return addr, cmd.Process.Pid, sync.OnceFunc(func() {
		assert.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed
		_ = stdin.Close()
	})
}

// pushUntilKilled pushes images until the server is gone.
func pushUntilKilled(addr, tag string, seed uint64) {
	c, err := ociclient.New(addr, &ociclient.Options{Insecure: true, Transport: &http.Transport{DisableKeepAlives: true}})
	if err != nil {
		return
	}
	content := make([]byte, 256<<10)
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(len(tag))})
	for i := 0; ; i++ {
		_, _ = random.Read(content)
		layer := ociregistry.Descriptor{MediaType: "application/octet-stream", Digest: digest.FromBytes(content), Size: int64(len(content))}
		config := ociregistry.Descriptor{MediaType: "application/json", Digest: digest.FromString("{}"), Size: 2}
		if _, err := c.PushBlob(context.Background(), "app", layer, bytes.NewReader(content)); err != nil {
			return
		}
		if _, err := c.PushBlob(context.Background(), "app", config, strings.NewReader("{}")); err != nil {
			return
		}
		m := registrytest.ImageManifest(config, layer)
		data := mustJSON(m)
		if _, err := c.PushManifest(context.Background(), "app", fmt.Sprint(tag, i%3), data, m.MediaType); err != nil {
			return
		}
	}
}

// TestKill kills a registry in the middle of uploads, again and again, and finds every manifest complete and every blob
// whole each time.
func TestKill(t *testing.T) {
	kills := 200
	if testing.Short() {
		kills = 10
	}
	dir := t.TempDir()
	checked := map[string]bool{}
	tags := 0
	window := 25 * time.Millisecond
	for i := range kills {
		addr, _, kill := startProcess(t, dir)
		timer := time.AfterFunc(rand.N(window), kill)
		var wg sync.WaitGroup
		for w := range 2 {
			wg.Go(func() { pushUntilKilled(addr, fmt.Sprint("w", w, "-"), uint64(i)) })
		}
		wg.Wait()
		timer.Stop()
		kill()
		tags = checkStore(t, dir, checked)
		if len(checked) == 0 && window < time.Minute {
			window *= 2 // a machine on which nothing comes that far
		}
		if i%20 == 19 {
			collect(t, dir)
		}
	}
	t.Logf("%d kills, %d blobs checked, %d tags at the end", kills, len(checked), tags)
	assert.NotEmpty(t, checked)
	collect(t, dir)
	left, err := os.ReadDir(filepath.Join(dir, "tmp"))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(left), kills, "at most one temporary file a kill, and those are collected when they are old")
}

func collect(t *testing.T, dir string) {
	t.Helper()
	store, err := storage.OpenDir(dir, storage.Options{UploadTTL: time.Nanosecond})
	require.NoError(t, err)
	_, err = store.Collect(context.Background(), storage.CollectOptions{Untagged: true})
	require.NoError(t, err)
	uploads, err := os.ReadDir(filepath.Join(dir, "repos", "app", "_uploads"))
	if err == nil {
		assert.Empty(t, uploads, "dead uploads are collected")
	}
}

// checkStore reads all content that is new, and follows every tag and every manifest.
func checkStore(t *testing.T, dir string, checked map[string]bool) (tags int) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || checked[e.Name()] {
			return err
		}
		data, err := os.ReadFile(path)
		require.Equal(t, e.Name(), digest.FromBytes(data).Encoded(), "half a blob is visible")
		checked[e.Name()] = true
		return err
	}))
	store, err := storage.OpenDir(dir, storage.Options{})
	require.NoError(t, err)
	ctx := context.Background()
	for tag, err := range store.Tags(ctx, "app", "") {
		if err != nil {
			require.ErrorIs(t, err, ociregistry.ErrNameUnknown)
			return 0
		}
		tags++
		r, err := store.GetTag(ctx, "app", tag)
		require.NoError(t, err, tag)
		for _, b := range readManifest(t, r).Layers {
			_, err := store.ResolveBlob(ctx, "app", b.Digest)
			require.NoError(t, err, "tag %s names a blob that is not there", tag)
		}
	}
	return tags
}

// TestProcesses has several processes serve one directory, and pushes to all.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	var addrs []string
	for range 3 {
		addr, _, kill := startProcess(t, dir)
		t.Cleanup(kill)
		addrs = append(addrs, addr)
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			registrytest.PushImage(t, registrytest.Dial(t, addrs[i%3]), "app", fmt.Sprint("t", i), "shared", fmt.Sprint("layer ", i))
			if i%6 == 0 {
				_, err := server.New(server.Options{Dir: dir}).Collect(context.Background(), server.CollectOptions{})
				assert.NoError(t, err, "it must not get in the way of pushes")
			}
		})
	}
	wg.Wait()
	for i := range 24 {
		c := registrytest.Dial(t, addrs[(i+1)%3])
		r, err := c.GetTag(context.Background(), "app", fmt.Sprint("t", i))
		require.NoError(t, err)
		for _, l := range readManifest(t, r).Layers {
			assert.NotEmpty(t, registrytest.GetBlob(t, c, "app", l.Digest))
		}
	}
}
