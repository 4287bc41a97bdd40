//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// output runs a program, and its error has what it wrote.
func output(ctx context.Context, stdin []byte, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", filepath.Base(name), args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(string(out)), err
}

func command(ctx context.Context, name string, args ...string) error {
	_, err := output(ctx, nil, name, args...)
	return err
}

// docker is docker's command, or podman's.
type docker struct{ program, title string }

func (d docker) name() string { return d.title }

func (d docker) begin(ctx context.Context, rootfs []byte) error {
	_, err := output(ctx, rootfs, d.program, "import", "-", imageName)
	return err
}

func (d docker) end() error { return command(context.Background(), d.program, "rmi", "-f", imageName) }

// with are the arguments of a container: its limits are such as those may set, too, who can't raise theirs.
func (d docker) with(verb []string, cmd ...string) []string {
	return slices.Concat(verb, []string{"--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", imageName}, cmd)
}

func (d docker) life(ctx context.Context) error {
	return command(ctx, d.program, d.with([]string{"run", "--rm"}, "/bin/true")...)
}

func (d docker) remove(ids ...string) func() error {
	if len(ids) == 0 {
		return nil
	}
	return func() error { return command(context.Background(), d.program, append([]string{"rm", "-f"}, ids...)...) }
}

func (d docker) exec(ctx context.Context) (call, end func() error, err error) {
	id, err := output(ctx, nil, d.program, d.with([]string{"run", "-d"}, "/bin/sleep", "100000")...)
	if err != nil {
		return nil, nil, err
	}
	return func() error { return command(ctx, d.program, "exec", id, "/bin/true") }, d.remove(id), nil
}

func (d docker) list(ctx context.Context, containers int) (call, end func() error, err error) {
	var ids []string
	for range containers {
		id, err := output(ctx, nil, d.program, d.with([]string{"create"}, "/bin/true")...)
		if err != nil {
			return nil, d.remove(ids...), err
		}
		ids = append(ids, id)
	}
	return func() error {
		out, err := output(ctx, nil, d.program, "ps", "-a")
		return enough(strings.Count(out, "\n"), containers, err)
	}, d.remove(ids...), nil
}

func (d docker) images(ctx context.Context, names int) (call, end func() error, err error) {
	var tags []string
	for i := range names {
		tags = append(tags, tag(i))
	}
	end = func() error { return command(context.Background(), d.program, append([]string{"rmi"}, tags...)...) }
	if d.title == "podman" { // it tags with many names at once
		err = command(ctx, d.program, append([]string{"tag", imageName}, tags...)...)
	} else {
		for _, t := range tags {
			err = errors.Join(err, command(ctx, d.program, "tag", imageName, t))
		}
	}
	return func() error {
		out, err := output(ctx, nil, d.program, "images")
		return enough(strings.Count(out, "\n"), names, err)
	}, end, err
}

// none does a container's life, and nothing else: it knows neither names nor images.
type none struct{}

func (none) exec(context.Context) (call, end func() error, err error)        { return nil, nil, errNot }
func (none) list(context.Context, int) (call, end func() error, err error)   { return nil, nil, errNot }
func (none) images(context.Context, int) (call, end func() error, err error) { return nil, nil, errNot }

// runc is an OCI runtime: runc, or crun. It has a bundle as runc spec makes it.
type runc struct {
	none
	program, title, bundle string
	next                   *atomic.Int64
}

func newRunc(ctx context.Context, program, title, dir, rootfs string) (runc, error) {
	r := runc{program: program, title: title, bundle: dir, next: &atomic.Int64{}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, program, "spec")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return r, fmt.Errorf("%s spec: %w: %s", title, err, out)
	}
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		return r, err
	}
	process, _ := spec["process"].(map[string]any)
	root, _ := spec["root"].(map[string]any)
	if process == nil || root == nil {
		return r, fmt.Errorf("%s spec: it has neither process nor root", title)
	}
	process["terminal"], process["args"], root["path"] = false, []string{"/bin/true"}, rootfs
	delete(process, "rlimits") // it may not raise them everywhere
	if text, err = json.Marshal(spec); err != nil {
		return r, err
	}
	return r, os.WriteFile(path, text, 0o644)
}

func (r runc) name() string { return r.title }

func (r runc) life(ctx context.Context) error {
	return command(ctx, r.program, "run", "--bundle", r.bundle, fmt.Sprintf("caisson-bench-%d-%d", os.Getpid(), r.next.Add(1)))
}

// bwrap makes namespaces and mounts, and no container: what is least to be done.
type bwrap struct {
	none
	program, rootfs string
}

func (bwrap) name() string { return "bwrap" }

func (b bwrap) life(ctx context.Context) error {
	return command(ctx, b.program, "--unshare-all", "--bind", b.rootfs, "/", "--proc", "/proc", "--dev", "/dev", "/bin/true")
}
