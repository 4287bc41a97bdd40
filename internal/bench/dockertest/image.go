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

// makeImage builds the image in our store and loads it into the Docker engine.
func makeImage(ctx context.Context, w workload) error {
	eng, err := dockertest.Engine()
	if err != nil {
		return err
	}
	_, err = eng.Store().Build(ctx, image.BuildOptions{Context: os.DirFS(w.dir), DockerfileText: w.dockerfile, Tags: []string{w.image()}})
	if err != nil {
		return err
	}
	r, pw := io.Pipe()
	load := exec.CommandContext(ctx, "docker", "load", "--quiet")
	load.Stdin = r
	go func() { pw.CloseWithError(eng.Store().Save(ctx, pw, []string{w.image()}, image.SaveOptions{})) }()
	if out, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("docker load: %w: %s", err, out)
	}
	return nil
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
