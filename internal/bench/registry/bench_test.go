// Package registry measures server.Server against Debian's docker-registry (apt-get install docker-registry): the same
// content, the same client, each server in a process of its own, on directories of one file system.
//
// Rounds are interleaved, so that other work on the machine hits both alike:
//
//	for i in 1 2 3 4 5; do go test -bench . -benchtime 2x; done
package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/require"
)

const (
	layers    = 8
	layerSize = 32 << 20
	serveAt   = "CAISSON_BENCH_ADDR"
	serveDir  = "CAISSON_BENCH_DIR"
)

// TestServe is the process of our registry.
func TestServe(t *testing.T) {
	if os.Getenv(serveAt) == "" {
		t.Skip("it is the process that the benchmarks start")
	}
	reg, err := server.Serve(server.Options{Dir: os.Getenv(serveDir)}, server.ServeOptions{Addr: os.Getenv(serveAt)})
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	require.NoError(t, reg.Close())
}

// servers starts each, by name.
var servers = []struct {
	name    string
	command func(b *testing.B, addr, dir string) *exec.Cmd
}{
	{"caisson-dir", func(_ *testing.B, addr, dir string) *exec.Cmd { return ours(addr, dir) }},
	{"caisson-memory", func(_ *testing.B, addr, _ string) *exec.Cmd { return ours(addr, "") }},
	{"docker-registry", func(b *testing.B, addr, dir string) *exec.Cmd {
		program, err := exec.LookPath("docker-registry")
		if err != nil {
			b.Skip("docker-registry is not installed: apt-get install docker-registry")
		}
		config := filepath.Join(b.TempDir(), "config.yml")
		text := "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: " + dir + "}}\nhttp: {addr: " + addr + "}\n"
		require.NoError(b, os.WriteFile(config, []byte(text), 0o600))
		return exec.Command(program, "serve", config)
	}},
}

func ours(addr, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestServe$")
	cmd.Env = append(os.Environ(), serveAt+"="+addr, serveDir+"="+dir)
	return cmd
}

func start(b *testing.B, i int) (url string, cmd *exec.Cmd) {
	b.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	addr := free.Addr().String()
	require.NoError(b, free.Close())
	cmd = servers[i].command(b, addr, b.TempDir())
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.Eventually(b, func() bool {
		resp, err := http.Get("http://" + addr + "/v2/")
		return err == nil && resp.Body.Close() == nil
	}, time.Minute, 10*time.Millisecond)
	return "http://" + addr, cmd
}

type layer struct {
	digest string
	data   []byte
}

// makeLayers makes content that is new each time: a registry must not find it there.
func makeLayers(seed uint64) []layer {
	made := make([]layer, layers)
	for i := range made {
		random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(i)})
		data := make([]byte, layerSize)
		_, _ = random.Read(data)
		sum := sha256.Sum256(data)
		made[i] = layer{"sha256:" + hex.EncodeToString(sum[:]), data}
	}
	return made
}

func status(b *testing.B, want int, method, url string, body io.Reader) *http.Response {
	req, err := http.NewRequest(method, url, body)
	require.NoError(b, err)
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b, err)
	require.Equal(b, want, resp.StatusCode)
	return resp
}

func push(b *testing.B, url string, l layer) {
	resp := status(b, http.StatusAccepted, "POST", url+"/v2/bench/blobs/uploads/", nil)
	require.NoError(b, resp.Body.Close())
	at, err := resp.Request.URL.Parse(resp.Header.Get("Location"))
	require.NoError(b, err)
	q := at.Query()
	q.Set("digest", l.digest)
	at.RawQuery = q.Encode()
	resp = status(b, http.StatusCreated, "PUT", at.String(), bytes.NewReader(l.data))
	require.NoError(b, resp.Body.Close())
}

func pull(b *testing.B, url string, l layer) {
	resp := status(b, http.StatusOK, "GET", url+"/v2/bench/blobs/"+l.digest, nil)
	n, err := io.Copy(io.Discard, resp.Body)
	require.NoError(b, err)
	require.Equal(b, int64(layerSize), n)
	require.NoError(b, resp.Body.Close())
}

// all runs f for each layer, four at a time, as clients do.
func all(made []layer, f func(layer)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for _, l := range made {
		slots <- struct{}{}
		wg.Go(func() { defer func() { <-slots }(); f(l) })
	}
	wg.Wait()
}

var seed uint64

func BenchmarkPush(b *testing.B) {
	for i := range servers {
		b.Run(servers[i].name, func(b *testing.B) {
			url, cmd := start(b, i)
			b.SetBytes(layers * layerSize)
			for b.Loop() {
				b.StopTimer()
				seed++
				made := makeLayers(seed)
				b.StartTimer()
				all(made, func(l layer) { push(b, url, l) })
			}
			b.ReportMetric(peak(cmd), "peak-MiB")
		})
	}
}

func BenchmarkPull(b *testing.B) {
	made := makeLayers(1 << 20)
	for i := range servers {
		b.Run(servers[i].name, func(b *testing.B) {
			url, cmd := start(b, i)
			all(made, func(l layer) { push(b, url, l) })
			b.SetBytes(layers * layerSize)
			for b.Loop() {
				all(made, func(l layer) { pull(b, url, l) })
			}
			b.ReportMetric(peak(cmd), "peak-MiB")
		})
	}
}

// BenchmarkSmall pushes a blob of 1 KiB: what a request costs.
func BenchmarkSmall(b *testing.B) {
	for i := range servers {
		b.Run(servers[i].name, func(b *testing.B) {
			url, _ := start(b, i)
			for b.Loop() {
				seed++
				data := fmt.Appendf(nil, "%01024d", seed)
				sum := sha256.Sum256(data)
				push(b, url, layer{"sha256:" + hex.EncodeToString(sum[:]), data})
			}
		})
	}
}

// peak is the largest resident set that the process has had.
func peak(cmd *exec.Cmd) float64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	var kib float64
	for line := range strings.Lines(string(data)) {
		if s, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(s, &kib)
		}
	}
	return kib / 1024
}
