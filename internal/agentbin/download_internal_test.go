//go:build linux

package agentbin

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/version"
)

const (
	prebuiltVersion = "v1.2.3"
	prebuiltArch    = "amd64"
)

// prebuilt is a module of binaries that are no agents, with its pin.
type prebuilt struct {
	zip []byte
	pin pin
}

func newPrebuilt(t *testing.T) prebuilt {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	sums := map[string][sha256.Size]byte{}
	for _, name := range append(Names(), "go.mod") {
		data := []byte("module " + PrebuiltModule(prebuiltArch) + "\n")
		if name != "go.mod" {
			data = make([]byte, 450_000)
			_, _ = rand.Read(data)
		}
		f, err := w.Create(PrebuiltModule(prebuiltArch) + "@" + prebuiltVersion + "/" + name)
		require.NoError(t, err)
		_, err = f.Write(data)
		require.NoError(t, err)
		sums[name] = sha256.Sum256(data)
	}
	require.NoError(t, w.Close())
	return prebuilt{b.Bytes(), pin{sum: hash1(PrebuiltModule(prebuiltArch), prebuiltVersion, sums), size: int64(b.Len())}}
}

// proxy serves the module; body writes the zip.
func (p prebuilt) proxy(t *testing.T, body func(http.ResponseWriter, *http.Request)) string {
	t.Helper()
	mux := http.NewServeMux()
	at := "/" + PrebuiltModule(prebuiltArch) + "/@v/" + prebuiltVersion
	mux.HandleFunc(at+".info", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"Version":"` + prebuiltVersion + `"}`))
	})
	mux.HandleFunc(at+".mod", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("module " + PrebuiltModule(prebuiltArch) + "\n"))
	})
	mux.HandleFunc(at+".zip", body)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func (p prebuilt) whole(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(p.zip) }

// said is what a finder tells, which can be waited for.
type said struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(b)
	select {
	case s.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *said) wait(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(s.String(), text) {
		select {
		case <-s.more:
		case <-time.After(time.Minute):
			require.Fail(t, "it is not said", "%q\n%s", text, s)
		}
	}
}

// downloader is a finder of a release with a cache of agents and a module cache of its own.
func downloader(t *testing.T, p prebuilt, proxy string) (*finder, *said) {
	t.Helper()
	tool, err := findGo()
	require.NoError(t, err)
	modcache := t.TempDir()
	t.Cleanup(func() { // the go command makes its directories read-only
		_ = filepath.WalkDir(modcache, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o755)
			}
			return err
		})
	})
	tool.env = append(tool.env, "GOPROXY="+proxy, "GOSUMDB=off", "GOMODCACHE="+modcache)
	s := &said{more: make(chan struct{}, 1)}
	return &finder{
		src: version.Source{Version: prebuiltVersion, Release: true}, arch: prebuiltArch, out: s, goTool: tool, cache: t.TempDir(),
		pins: pinned{version: prebuiltVersion, agents: map[string]pin{prebuiltArch: p.pin}},
	}, s
}

func (f *finder) download(ctx context.Context) (string, error) {
	return f.from(ctx, FromDownload, []string{FromDownload}, (*finder).obtain)
}

// left is what is in the cache of agents, without locks.
func left(t *testing.T, f *finder) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(f.cache)
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestDownload(t *testing.T) {
	t.Parallel()
	p := newPrebuilt(t)
	f, s := downloader(t, p, p.proxy(t, p.whole))
	path, err := f.download(t.Context())
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(f.cache, "prebuilt-v1.2.3-amd64"), path)
	assert.Equal(t, []string{"prebuilt-v1.2.3-amd64", "prebuilt-v1.2.3-amd64-init"}, left(t, f))
	st, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), st.Mode())
	assert.Contains(t, s.String(), "caisson: downloading the agent v1.2.3 (0.9 MB), once for this version\n")
	assert.Contains(t, s.String(), "caisson: downloaded the agent in ")

	// It is found in the cache from now on, without a proxy, but only by those who allow a download.
	f.goTool.env = append(f.goTool.env, "GOPROXY=off")
	for _, allowed := range [][]string{allSources, {FromDownload}} {
		b, err := f.find(t.Context(), allowed, nil)
		require.NoError(t, err)
		assert.Equal(t, Binary{Path: path, How: inCache}, b)
	}
	_, err = f.find(t.Context(), []string{FromPath}, nil)
	require.ErrorContains(t, err, "download: it is not an allowed source")
	// The module cache is as good.
	require.NoError(t, os.RemoveAll(f.cache))
	_, err = f.download(t.Context())
	require.NoError(t, err)
}

// TestDownloadTampered: another file is refused, whether the proxy or the module cache has it, and nothing is left of it.
func TestDownloadTampered(t *testing.T) {
	t.Parallel()
	p := newPrebuilt(t)
	other := newPrebuilt(t)
	f, _ := downloader(t, p, p.proxy(t, other.whole))
	_, err := f.find(t.Context(), []string{FromDownload, FromBuild}, (*finder).obtain)
	require.ErrorContains(t, err, "is not the agent that was released")
	assert.ErrorContains(t, err, "its sum is "+other.pin.sum)
	assert.ErrorContains(t, err, "it must be "+p.pin.sum)
	assert.ErrorContains(t, err, "CAISSON_AGENT_SOURCE=build")

	f, _ = downloader(t, p, p.proxy(t, p.whole))
	got, err := f.goTool.download(t.Context(), PrebuiltModule(prebuiltArch), prebuiltVersion)
	require.NoError(t, err)
	agent := filepath.Join(got.Dir, program)
	require.NoError(t, os.Chmod(agent, 0o755))
	require.NoError(t, os.WriteFile(agent, []byte("another"), 0o755))
	_, err = f.download(t.Context())
	require.ErrorContains(t, err, "is not the agent that was released")
	assert.Empty(t, left(t, f))
}

// TestDownloadTells: how much has come is said while the rest is still to come.
func TestDownloadTells(t *testing.T) {
	t.Parallel()
	p := newPrebuilt(t)
	rest := make(chan struct{})
	f, s := downloader(t, p, p.proxy(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(p.zip[:600_000])
		_ = http.NewResponseController(w).Flush()
		<-rest
		_, _ = w.Write(p.zip[600_000:])
	}))
	done := make(chan error, 1)
	go func() {
		_, err := f.download(t.Context())
		done <- err
	}()
	s.wait(t, "caisson: downloading the agent: 0.6 of 0.9 MB\n")
	close(rest)
	require.NoError(t, <-done)
}

// TestDownloadCancel: the end of the context ends a download that stands still, and nothing is left of it.
func TestDownloadCancel(t *testing.T) {
	t.Parallel()
	p := newPrebuilt(t)
	begun := make(chan struct{})
	var once sync.Once
	f, _ := downloader(t, p, p.proxy(t, func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(begun) })
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	done := make(chan error, 1)
	go func() {
		_, err := f.download(ctx)
		done <- err
	}()
	<-begun
	cancel(enough)
	require.ErrorIs(t, <-done, enough)
	assert.Empty(t, left(t, f))
}

// TestNoDownload: without a pin for the version or the architecture nobody is asked.
func TestNoDownload(t *testing.T) {
	t.Parallel()
	p := newPrebuilt(t)
	f, _ := downloader(t, p, p.proxy(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	f.src.Version = "v1.2.4"
	_, err := f.download(t.Context())
	require.ErrorContains(t, err, "there is no prebuilt agent of this version for linux/amd64")
	f.src.Version, f.arch = prebuiltVersion, "riscv64"
	_, err = f.download(t.Context())
	require.ErrorContains(t, err, "for linux/riscv64")

	f, _ = downloader(t, p, "off")
	_, err = f.download(t.Context())
	require.ErrorContains(t, err, "GOPROXY is off")
}
