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

// httpd has the programs by which testcontainers-go looks for a port from inside.
func httpd(busybox string) (workload, error) {
	dir, err := os.MkdirTemp("", "caisson-bench-")
	if err != nil {
		return workload{}, err
	}
	return workload{
		repository: "localhost/caisson-bench-httpd", dir: dir, port: 80, probe: get,
		dockerfile: `FROM scratch
COPY . /
EXPOSE 80
ENTRYPOINT ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"]
`}, rootFS(dir, busybox)
}

// postgreSQL starts with an empty data directory, as the official image does.
func postgreSQL(tar string) (workload, error) {
	dir, err := os.MkdirTemp(filepath.Dir(tar), "caisson-bench-")
	if err != nil {
		return workload{}, err
	}
	return workload{
		repository: "localhost/caisson-bench-postgres", dir: dir, port: 5432, probe: logIn,
		logLine: "database system is ready to accept connections",
		dockerfile: `FROM scratch
ADD root.tar /
RUN ln -s /usr/lib/postgresql/*/bin /opt/postgres && install -d -o postgres -g postgres /data /run/postgresql
COPY --chmod=755 <<EOF /usr/local/bin/start
#!/bin/sh
set -e
/opt/postgres/initdb --auth=trust -D /data
echo "host all all all trust" >> /data/pg_hba.conf
exec /opt/postgres/postgres -D /data -c listen_addresses=*
EOF
EXPOSE 5432
USER postgres
ENTRYPOINT ["/usr/local/bin/start"]
`}, os.Link(tar, filepath.Join(dir, "root.tar"))
}

// get makes a connection of its own. A library that says ready too soon has it fail.
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
