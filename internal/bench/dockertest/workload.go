package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/caisson-dev/caisson/internal/testenv/servers"
)

// workload is an image and its server.
type workload struct {
	repository string
	dir        string // build context
	dockerfile string
	port       uint16
	logLine    string // with the port listening, says that the server is ready; "": the port alone does
	probe      func(ctx context.Context, addr string) error
}

const tag = "1"

func (w workload) image() string { return w.repository + ":" + tag }

// lookers are the programs by which testcontainers-go looks for a port from inside.
var lookers = []string{"cat", "awk", "grep", "nc"}

func httpd(dir, busybox string) (workload, error) {
	root := filepath.Join(dir, "root")
	w := workload{
		repository: "localhost/caisson-bench-httpd", dir: dir, port: 80, probe: get,
		dockerfile: `FROM scratch
COPY root /
EXPOSE 80
ENTRYPOINT ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"]
`}
	if err := os.MkdirAll(filepath.Join(root, "www"), 0o755); err != nil {
		return w, err
	}
	if err := os.WriteFile(filepath.Join(root, "www/index.html"), []byte("hello\n"), 0o644); err != nil {
		return w, err
	}
	return w, applets(root, busybox, append(lookers, "sh")...)
}

// postgreSQL starts with an empty data directory, as the official image does.
func postgreSQL(dir, busybox string) (workload, error) {
	w := workload{
		repository: "localhost/caisson-bench-postgres", dir: dir, port: 5432, probe: logIn,
		logLine:    "database system is ready to accept connections",
		dockerfile: servers.Dockerfile,
	}
	if err := servers.PostgreSQL(dir); err != nil {
		return w, err
	}
	return w, applets(filepath.Join(dir, "root"), busybox, lookers...)
}

// get makes a connection of its own.
func get(ctx context.Context, addr string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr, nil)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", addr, resp.Status)
	}
	return nil
}

// logIn sends PostgreSQL's StartupMessage and requires that the server lets us in.
func logIn(ctx context.Context, addr string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	body := "\x00\x03\x00\x00user\x00postgres\x00\x00"
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(4+len(body))), body...)); err != nil {
		return err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if answer[0] != 'R' {
		return fmt.Errorf("%s: not let in: %q", addr, answer)
	}
	return nil
}
