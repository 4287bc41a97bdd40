package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// The image is made of these two: its Dockerfile, and the source of the program in it.
var (
	//go:embed Dockerfile
	dockerfile string
	//go:embed hello/main.go
	helloSource []byte
)

const name = "quickstart:1"

// compile makes the program that goes into the image, static, with the Go tool.
func (s *story) compile(ctx context.Context) (string, error) {
	source, program := filepath.Join(s.dir, "main.go"), filepath.Join(s.dir, "context", "hello")
	if err := os.WriteFile(source, helloSource, 0o644); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, source)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("a static program of %.1f MB, with the Go tool", float64(info.Size())/1e6), nil
}

// open opens a store of its own: the user's default one is not touched.
func (s *story) open(context.Context) (string, error) {
	var err error
	s.store, err = image.OpenStore(image.StoreOptions{Root: filepath.Join(s.dir, "store"), RunRoot: filepath.Join(s.dir, "run")})
	if err != nil {
		return "", err
	}
	s.engine, err = container.NewEngine(s.store, container.EngineOptions{})
	return "a store of its own in a temporary directory, and its agent", err
}

func (s *story) build(ctx context.Context) (string, error) {
	img, log, took, err := s.makeImage(ctx)
	if err != nil {
		return "", err
	}
	s.img, s.firstBuild = img, took
	steps := strings.Count(strings.TrimSpace(dockerfile), "\n") + 1
	return fmt.Sprintf("%d instructions make %s, image %.19s", steps, name, img.ID), firstError(
		check(!cached(log), "a first build finds nothing to reuse: %s", log),
		check(slices.Contains(img.Names, "docker.io/library/"+name), "the image has its name: it has %v", img.Names),
		check(img.Labels["org.opencontainers.image.title"] == "quickstart", "the image has its label: it has %v", img.Labels),
		check(img.Config.WorkingDir == "/srv", "the image has its working directory: it has %q", img.Config.WorkingDir),
	)
}

// buildAgain shows that nothing is done twice.
func (s *story) buildAgain(ctx context.Context) (string, error) {
	img, log, took, err := s.makeImage(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("every layer reused, the same id, %.1f times as fast", float64(s.firstBuild)/float64(took)), firstError(
		check(cached(log), "the second build says that it reuses layers: %s", log),
		check(img.ID == s.img.ID, "the second build makes the same image: %s, %s", s.img.ID, img.ID),
		check(took < s.firstBuild, "the second build is faster: %s, %s", s.firstBuild, took),
	)
}

func (s *story) makeImage(ctx context.Context) (*image.Image, string, time.Duration, error) {
	var log bytes.Buffer
	begin := time.Now()
	img, err := s.store.Build(ctx, image.BuildOptions{
		Context: os.DirFS(filepath.Join(s.dir, "context")), DockerfileText: dockerfile, Tags: []string{name}, Output: &log,
	})
	return img, log.String(), time.Since(begin), err
}

func cached(log string) bool { return strings.Contains(log, "Using cache") }

// notAtBuild looks at the files of a fresh container: RUN has made its file, CMD has not.
func (s *story) notAtBuild(ctx context.Context) (string, error) {
	files, err := s.output(ctx, name, "ls", "/srv")
	if err != nil {
		return "", err
	}
	return "RUN has made its file in the image, CMD has not run", firstError(
		check(slices.Equal(files, []string{"built.txt"}), "the image has the file of RUN and no other: %v", files))
}

// output runs a command in a container of its own and returns the lines of its log.
func (s *story) output(ctx context.Context, ref string, cmd ...string) ([]string, error) {
	c, err := s.engine.Start(ctx, container.Options{Image: ref, Cmd: cmd, Env: []string{s.token}, Pull: image.PullNever})
	if err != nil {
		return nil, err
	}
	s.ids = append(s.ids, c.ID())
	st, err := c.Wait(ctx)
	if err != nil {
		return nil, err
	}
	log, err := logOf(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := check(st.ExitCode == 0, "%v ends with 0: %d, %s", cmd, st.ExitCode, log); err != nil {
		return nil, err
	}
	return strings.Fields(log), c.Remove(ctx, container.RemoveOptions{})
}

func logOf(ctx context.Context, c *container.Container) (string, error) {
	var log bytes.Buffer
	err := c.Logs(ctx, container.LogsOptions{Stdout: &log, Stderr: &log})
	return log.String(), err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
