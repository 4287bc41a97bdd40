package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
)

// dockerfile has the programs by which testcontainers-go looks for a port from inside.
const dockerfile = `FROM scratch
COPY . /
EXPOSE 80
ENTRYPOINT ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"]
`

// makeImage builds the image in our store and loads it into the Docker engine.
func makeImage(ctx context.Context, busybox string) (string, error) {
	dir, err := os.MkdirTemp("", "caisson-bench-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := rootFS(dir, busybox); err != nil {
		return "", err
	}
	eng, err := dockertest.Engine()
	if err != nil {
		return "", err
	}
	name := repository + ":" + tag
	if _, err := eng.Store().Build(ctx, image.BuildOptions{Context: os.DirFS(dir), DockerfileText: dockerfile, Tags: []string{name}}); err != nil {
		return "", err
	}
	r, w := io.Pipe()
	load := exec.CommandContext(ctx, "docker", "load", "--quiet")
	load.Stdin = r
	go func() { w.CloseWithError(eng.Store().Save(ctx, w, []string{name}, image.SaveOptions{})) }()
	if out, err := load.CombinedOutput(); err != nil {
		return "", fmt.Errorf("docker load: %w: %s", err, out)
	}
	return name, nil
}

func rootFS(dir, busybox string) error {
	for _, d := range []string{"bin", "www", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "www/index.html"), []byte("hello\n"), 0o644); err != nil {
		return err
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), program, 0o755); err != nil {
		return err
	}
	for _, applet := range []string{"sh", "cat", "awk", "grep", "nc", "printf", "true"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", applet)); err != nil {
			return err
		}
	}
	return nil
}
