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

// applets puts a busybox and links to it into a root file system.
func applets(root, busybox string, names ...string) error {
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bin, "busybox"), program, 0o755); err != nil {
		return err
	}
	for _, applet := range names {
		if err := os.Symlink("busybox", filepath.Join(bin, applet)); err != nil {
			return err
		}
	}
	return nil
}
