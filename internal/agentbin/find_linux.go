package agentbin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/internal/version"
)

// finder looks for an agent for one source.
type finder struct {
	src    version.Source
	arch   string
	pins   pinned
	out    io.Writer // for what takes long
	goTool goTool
	noGo   error  // why there is no goTool
	cache  string // directory
	noDir  error  // why there is no cache
}

// Find returns the agent's binary, and the source that it is to serve. sources says where it may come from; none: EnvSource
// does. It downloads or builds one if need be, until ctx ends.
//
// Errors: *NotFoundError; the cause of ctx.
func Find(ctx context.Context, sources []string) (Binary, version.Source, error) {
	return find(ctx, sources, (*finder).obtain)
}

// Agent is the path of the binary that Find returns.
func Agent() (string, error) {
	b, _, err := Find(context.Background(), nil)
	return b.Path, err
}

// Look says whether Find would return an agent, as far as that can be known without a download or a build.
func Look() error {
	_, _, err := find(context.Background(), nil, (*finder).may)
	return err
}

// Have is Find of an agent that is there: it downloads and builds none.
func Have(ctx context.Context) (Binary, version.Source, error) {
	return find(ctx, nil, func(*finder, context.Context, string, string) error {
		return problemf("", "it is made at the first use")
	})
}

// obtainer gets an agent from a source to a path, or says why it can't.
type obtainer func(f *finder, ctx context.Context, source, path string) error

func find(ctx context.Context, option []string, obtain obtainer) (Binary, version.Source, error) {
	allowed, err := sources(option, os.Getenv(EnvSource))
	if err != nil {
		return Binary{}, version.Source{}, err
	}
	src, err := version.Client()
	if err != nil {
		return Binary{}, src, err
	}
	if version.Linked {
		src.Version = version.Agent()
		return Binary{Path: "/proc/self/exe", How: "linked in", Linked: true}, src, nil
	}
	if p := os.Getenv(EnvAgent); p != "" {
		if _, err := os.Stat(p); err != nil {
			return Binary{}, src, fmt.Errorf("agent named by %s: %w", EnvAgent, err)
		}
		return Binary{Path: p, How: EnvAgent, Named: true}, src, nil
	}
	f := &finder{arch: runtime.GOARCH, pins: pins, out: &progress{}}
	f.goTool, f.noGo = findGo()
	if f.src, err = f.replaced(ctx, src); err != nil {
		return Binary{}, src, err
	}
	f.noDir = f.findCache()
	b, err := f.find(ctx, allowed, obtain)
	return b, f.src, err
}

// replaced is the source of a program that does not know its own, since it was compiled with -trimpath or from a vendor
// directory: the directory that the main module of the working directory has instead of this module.
func (f *finder) replaced(ctx context.Context, src version.Source) (version.Source, error) {
	if src.Version != version.Devel || src.Dir != "" || f.noGo != nil {
		return src, nil
	}
	cmd := exec.CommandContext(ctx, f.goTool.path, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", version.Module)
	out, err := cmd.Output()
	if dir := strings.TrimSpace(string(out)); err == nil && dir != "" {
		return version.SourceIn(dir)
	}
	return src, nil
}

// find looks in the cache, and then into each source that is allowed.
func (f *finder) find(ctx context.Context, allowed []string, obtain obtainer) (Binary, error) {
	var not []tried
	if f.src.Version == version.Devel { // an agent can't be known to be of the same source
		_, err := f.agentSource(ctx)
		return Binary{}, &NotFoundError{f.src.Version, []tried{{FromBuild, err}}}
	}
	for _, source := range allowed {
		if path := f.cached(source); f.noDir == nil && path != "" && exists(path) {
			touch(path)
			return Binary{Path: path, How: inCache}, nil
		}
	}
	if f.noDir != nil {
		not = append(not, tried{inCache, f.noDir})
	} else {
		not = append(not, tried{inCache, problemf("", "there is none in %s", f.cache)})
	}
	for _, source := range allSources {
		path, err := f.from(ctx, source, allowed, obtain)
		if err == nil {
			return Binary{Path: path, How: source}, nil
		}
		if ctx.Err() != nil {
			return Binary{}, fmt.Errorf("get the agent: %w", context.Cause(ctx))
		}
		if refused := (refusal{}); errors.As(err, &refused) {
			return Binary{}, fmt.Errorf("get the agent: %w", refused.error)
		}
		not = append(not, tried{source, err})
	}
	return Binary{}, &NotFoundError{f.src.Version, not}
}

// from gets an agent from a source, if it is allowed.
func (f *finder) from(ctx context.Context, source string, allowed []string, obtain obtainer) (string, error) {
	switch {
	case !slices.Contains(allowed, source):
		return "", problemf("", "it is not an allowed source (%s, StoreOptions.AgentSources)", EnvSource)
	case source == FromPath:
		return onPath(f.src)
	}
	if err := f.possible(ctx, source); err != nil {
		return "", err
	}
	if f.noDir != nil {
		return "", problemf("", "there is no directory to keep it in")
	}
	path := f.cached(source)
	return path, obtain(f, ctx, source, path)
}

// possible says what a download or a build lacks.
func (f *finder) possible(ctx context.Context, source string) error {
	if _, pinned := f.pins.of(f.src.Version, f.arch); source == FromDownload && !pinned {
		return problemf("", "there is no prebuilt agent of this version for linux/%s", f.arch)
	}
	if f.noGo != nil {
		return f.noGo
	}
	if source == FromBuild {
		return f.mayBuild(ctx)
	}
	return nil
}

// may is what Look has in place of obtain.
func (f *finder) may(context.Context, string, string) error { return nil }

// onPath looks for an agent that is installed.
func onPath(src version.Source) (string, error) {
	p, err := exec.LookPath(program)
	if err != nil {
		return "", problemf("install an agent: "+install(src), "there is no %s", program)
	}
	got := versionOf(p)
	if got == "" {
		return "", problemf("install an agent: "+install(src), "%s does not tell its version", p)
	}
	if err := (Binary{Path: p, How: "on PATH"}).Serves(src, got); err != nil {
		return "", problemf("install an agent: "+install(src), "%s has version %s", p, got)
	}
	return p, nil
}

// versionOf asks an agent's binary for its version.
func versionOf(path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
