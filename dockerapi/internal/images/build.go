package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/distribution/reference"
	buildtypes "github.com/moby/moby/api/types/build"

	"github.com/caisson-dev/caisson/dockerapi/internal/filters"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
	"github.com/caisson-dev/caisson/image"
)

// build builds an image of the context in the body, like the builder of Docker that was there before BuildKit.
func (s *Service) build(w http.ResponseWriter, r *wire.Request) error {
	o, err := buildOptions(r)
	if err != nil {
		return err
	}
	// The client may go on sending while steps run already.
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil && r.ProtoMajor == 1 && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	o.Tar, o.Labels = r.Body, s.Labelled(o.Labels)
	p := wire.NewProgress(w)
	quiet := r.Bool("q")
	if !quiet {
		o.Progress = (&steps{p: p}).show
	}
	img, err := s.Store.Build(r.Context(), o)
	if err != nil {
		return p.End(buildError(err))
	}
	if r.Version.AtLeast(30) {
		p.Send(wire.Message{Aux: buildtypes.Result{ID: img.ID}})
	}
	if quiet {
		p.Send(wire.Message{Stream: img.ID + "\n"})
		return p.End(nil)
	}
	p.Send(wire.Message{Stream: "Successfully built " + shape.ShortID(img.ID) + "\n"})
	for _, t := range o.Tags {
		p.Send(wire.Message{Stream: "Successfully tagged " + shape.Familiar(t) + "\n"})
	}
	return p.End(nil)
}

// failedStep is the error of a step, with the code that clients end with.
type failedStep struct {
	error
	code int
}

// ExitCode is told to the client.
func (f *failedStep) ExitCode() int { return f.code }

func buildError(err error) error {
	be, ok := errors.AsType[*image.BuildError](err)
	if !ok || be.ExitCode == 0 {
		return err
	}
	command := strings.TrimSpace(strings.TrimPrefix(be.Step, "RUN"))
	text := fmt.Sprintf("The command '/bin/sh -c %s' returned a non-zero code: %d", command, be.ExitCode) // which clients show
	return &failedStep{errors.New(text), be.ExitCode}
}

// steps tells of a build what Docker's builder told.
type steps struct {
	p *wire.Progress
}

func (s *steps) show(e image.BuildEvent) {
	out := func(format string, args ...any) { s.p.Send(wire.Message{Stream: fmt.Sprintf(format, args...)}) }
	switch e.Kind {
	case image.BuildStep:
		out("Step %d/%d : %s\n", e.Step, e.Steps, e.Instruction)
	case image.BuildCached:
		out(" ---> Using cache\n")
		if e.Image != "" {
			out(" ---> %s\n", shape.ShortID(e.Image))
		}
	case image.BuildDone:
		if e.Image != "" {
			out(" ---> %s\n", shape.ShortID(e.Image))
		}
	case image.BuildOutput:
		out("%s", e.Output)
	case image.BuildWarning:
		out("[Warning] %s: %s\n", e.Warning.Name, e.Warning.Message)
	case image.BuildPull:
		if e.Pull != nil {
			(&bars{p: s.p, names: pullNames, seen: nil}).show(*e.Pull)
		}
	}
}

func buildOptions(r *wire.Request) (image.BuildOptions, error) {
	o := image.BuildOptions{Dockerfile: r.Query("dockerfile"), Target: r.Query("target"), Platform: r.Query("platform"), Pull: image.PullMissing}
	if o.Dockerfile == "Dockerfile" {
		o.Dockerfile = "" // the default, and then Containerfile
	}
	if err := refuseBuild(r); err != nil {
		return o, err
	}
	if r.Bool("pull") {
		o.Pull = image.PullAlways
	}
	o.Cache.Disable, o.Result.Squash = r.Bool("nocache"), r.Bool("squash")
	for _, t := range r.All("t") {
		if t == "" {
			continue
		}
		ref, err := reference.ParseNormalizedNamed(t)
		if err != nil {
			return o, wire.BadRequest("invalid tag %q: %w", t, err)
		}
		o.Tags = append(o.Tags, reference.TagNameOnly(ref).String())
	}
	args := map[string]*string{}
	for name, to := range map[string]any{"buildargs": &args, "labels": &o.Labels} {
		if text := r.Query(name); text != "" {
			if err := json.Unmarshal([]byte(text), to); err != nil {
				return o, wire.BadRequest("error reading %s: %w", name, err)
			}
		}
	}
	for k, v := range args {
		if v == nil {
			continue // a name without a value: the Dockerfile's counts
		}
		if o.Args == nil {
			o.Args = map[string]string{}
		}
		o.Args[k] = *v
	}
	switch mode := r.Query("networkmode"); mode {
	case "", "default", "bridge":
	case "host", "none":
		o.Run.Network = mode
	default:
		return o, wire.BadRequest("networkmode %q: RUN steps can have the networks default, host and none", mode)
	}
	for _, list := range r.All("extrahosts") {
		for _, h := range strings.Split(list, ",") {
			if h != "" {
				o.Run.Hosts = append(o.Run.Hosts, h)
			}
		}
	}
	return o, nil
}

// refuseBuild names what builds of this engine do not have.
func refuseBuild(r *wire.Request) error {
	if v := r.Query("version"); v != "" && v != string(buildtypes.BuilderV1) {
		return wire.BadRequest("version %s of the builder needs BuildKit's sessions, which this engine has not: build with DOCKER_BUILDKIT=0", v)
	}
	if remote := r.Query("remote"); remote != "" && remote != "client-session" {
		return wire.NotImplemented("remote context %q is not supported by this engine: fetch it and send it as the request's body", remote)
	}
	for _, name := range []string{"remote", "outputs", "cgroupparent", "isolation", "securityopt", "credentialspec"} {
		if v := r.Query(name); v != "" && v != "[]" && v != "null" && v != "default" {
			return wire.BadRequest("%s %q is not supported by this engine: leave it out", name, v)
		}
	}
	for _, name := range []string{"memory", "memswap", "cpushares", "cpuperiod", "cpuquota", "shmsize"} {
		if n, err := r.Int(name); err != nil || n != 0 {
			return wire.BadRequest("%s %q: limits of builds are not supported by this engine: leave it out", name, r.Query(name))
		}
	}
	for _, name := range []string{"cpusetcpus", "cpusetmems"} {
		if v := r.Query(name); v != "" {
			return wire.BadRequest("%s %q: limits of builds are not supported by this engine: leave it out", name, v)
		}
	}
	if v := r.Query("ulimits"); !slices.Contains([]string{"", "[]", "null"}, v) {
		return wire.BadRequest("ulimits: limits of builds are not supported by this engine: leave them out")
	}
	return nil
}

// pruneCache removes the results of steps that no image with a name has.
func (s *Service) pruneCache(w http.ResponseWriter, r *wire.Request) error {
	if _, err := filters.Parse(r.Query("filters"), "until", "id", "parent", "type", "description", "inuse", "shared", "private"); err != nil {
		return err
	}
	before, err := s.Store.DiskUsage(r.Context())
	if err != nil {
		return err
	}
	if _, err := s.Store.Prune(r.Context(), image.PruneOptions{}); err != nil {
		return err
	}
	after, err := s.Store.DiskUsage(r.Context())
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for _, c := range after.BuildCache.Items {
		left[c.ID] = true
	}
	out := buildtypes.CachePruneReport{CachesDeleted: []string{}, SpaceReclaimed: uint64(max(before.BuildCache.Size-after.BuildCache.Size, 0))}
	for _, c := range before.BuildCache.Items {
		if !left[c.ID] {
			out.CachesDeleted = append(out.CachesDeleted, c.ID)
		}
	}
	return wire.OK(w, out)
}

func (s *Service) cancel(_ http.ResponseWriter, r *wire.Request) error {
	if r.Query("id") == "" {
		return wire.BadRequest("build ID not provided")
	}
	return wire.NotFound("build %s not found: a build of this engine ends when its client goes", r.Query("id"))
}
