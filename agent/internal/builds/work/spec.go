//go:build linux

package work

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/files"
	"github.com/caisson-dev/caisson/agent/internal/etcfiles"
	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// hostname is what steps call their host, as those of BuildKit do.
const hostname = "buildkitsandbox"

// options are the step's in the words of containers.
func (s *step) options() container.Options {
	run := &s.run
	o := container.Options{Network: container.NetworkMode(run.Network), Resources: run.Resources}
	o.Networking.Hosts = slices.Clone(run.Hosts)
	if run.Network == "host" {
		for i, h := range o.Networking.Hosts {
			if name, is := strings.CutSuffix(h, ":host-gateway"); is {
				o.Networking.Hosts[i] = name + ":127.0.0.1" // there is no network that has another address of this host
			}
		}
	}
	o.Security.Privileged = run.Insecure
	return spec.Complete(o)
}

// container is the step as package spec knows it.
func (s *step) container() *spec.Container {
	dir := path.Join("/", s.run.Dir)
	return &spec.Container{
		ID: s.id, Options: s.options(), Command: s.run.Args, Env: s.run.Env, Dir: dir, User: s.run.User, Hostname: hostname,
	}
}

// spec makes what the step needs, and its specification.
func (s *step) spec(ctx context.Context) (*specs.Spec, error) {
	if len(s.run.Args) == 0 {
		return nil, api.Errorf(api.ErrInvalidArgument, "run: no command")
	}
	c := s.container()
	mounts, err := s.mounts(ctx)
	if err != nil {
		return nil, err
	}
	in, err := s.r.w.s.launch.Start(c, s.r.mounted)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if err := s.workdir(c.Dir, int(in.User.UID), int(in.User.GID)); err != nil {
		return nil, err
	}
	place, err := s.join(ctx, c)
	if err != nil {
		return nil, err
	}
	c.Env = append(slices.Clone(c.Env), mounts.env...)
	made, err := spec.New(in.Input)
	if err != nil {
		return nil, err
	}
	place.Apply(made)
	if !slices.ContainsFunc(s.run.Env, func(e string) bool { return strings.HasPrefix(e, "HOSTNAME=") }) {
		made.Process.Env = slices.DeleteFunc(made.Process.Env, func(e string) bool { return e == "HOSTNAME="+hostname }) // BuildKit has none
	}
	// A file that the image has, and that steps may write to be in their layer: BuildKit does not mount it either.
	made.Mounts = slices.DeleteFunc(made.Mounts, func(m specs.Mount) bool { return m.Destination == "/etc/hostname" })
	made.Mounts = append(made.Mounts, mounts.list...)
	made.Linux.CgroupsPath = ""
	if s.r.w.s.usesCgroups() {
		made.Linux.CgroupsPath = "/" + CgroupPrefix(s.r.w.s.Images.Layout().Root) + s.id
	}
	if err := s.stubs(made); err != nil {
		return nil, err
	}
	target := launch.Program{Name: c.Command[0], Dir: c.Dir, Env: made.Process.Env}
	return made, launch.Runnable(target, mounts.targets(), s.r.mounted)
}

// CgroupPrefix is what the names of control groups of steps in the store at root begin with.
func CgroupPrefix(root string) string {
	sum := sha256.Sum256([]byte(root))
	return "caisson-build-" + hex.EncodeToString(sum[:4]) + "-"
}

// join joins the store's default network, if the step is to have one.
func (s *step) join(ctx context.Context, c *spec.Container) (*networks.Place, error) {
	if c.Options.Network != "" {
		return nil, nil
	}
	p, err := s.r.w.s.Networks.Join(ctx, networks.Member{
		ID: s.id, Name: s.id, Hostname: names.Short(s.id), Endpoints: []container.Endpoint{{Network: string(container.NetworkDefault)}},
	})
	if err != nil {
		return nil, err
	}
	s.defers(p.Leave)
	var eps []etcfiles.Endpoint
	for _, e := range p.Endpoints() {
		eps = append(eps, etcfiles.Endpoint{IPv4: e.IPv4.Addr(), IPv6: e.IPv6.Addr(), DNS: e.DNS, Host: e.Host})
	}
	return p, s.r.w.s.launch.WriteNetFiles(c, eps)
}

// stubs makes what mounts are mounted on, and has it taken away again after the step. libcontainer would make it, too, and
// leave it.
func (s *step) stubs(made *specs.Spec) error {
	st := files.NewStubs(s.r.root)
	st.Before = s.r.touch
	s.defers(st.Remove)
	for i := range made.Mounts {
		m := &made.Mounts[i]
		if slices.ContainsFunc(made.Mounts[:i], func(before specs.Mount) bool { return under(m.Destination, before.Destination) }) {
			continue // what is mounted there has the place, or gets it
		}
		dir := true
		if m.Type == "bind" {
			var src unix.Stat_t
			if err := unix.Stat(m.Source, &src); err != nil {
				return err
			}
			dir = src.Mode&unix.S_IFMT == unix.S_IFDIR
		}
		is, err := st.Make(m.Destination, dir)
		if err != nil {
			return api.Errorf(api.ErrInvalidArgument, "mount %s: %w", m.Destination, err)
		}
		if is && m.Type == "tmpfs" && !slices.ContainsFunc(m.Options, func(o string) bool { return strings.HasPrefix(o, "mode=") }) {
			m.Options = append(m.Options, "mode=1777") // else it would be that of the place
		}
	}
	return nil
}

// under says whether a path is below a directory.
func under(name, dir string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, "../")
}

// touch remembers what a directory of the layers below is like, which is about to be copied up.
func (r *Root) touch(dir string, st *unix.Stat_t) {
	if r.layer != "" {
		return
	}
	var have unix.Stat_t
	if _, known := r.touched[dir]; known || unix.Lstat(filepath.Join(r.upper(), dir), &have) == nil {
		return
	}
	r.touched[dir] = *st
}
