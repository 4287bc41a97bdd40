package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// BuildOptions say what to build. Context or Tar must be set, unless DockerfileText needs no files.
type BuildOptions struct {
	// Context holds the files that COPY and ADD see. os.DirFS("./app") is read in place; any other fs.FS is copied. Modes
	// are those that it reports, and owners are root. An embed.FS has no execute bit: write COPY --chmod=755.
	Context fs.FS `json:"-"`
	// Tar is a context as a tar stream, instead of Context. It may be compressed in the ways that Import takes.
	Tar io.Reader `json:"-"`
	// Contexts are further contexts, by name. Default: none.
	Contexts NamedContexts `json:"contexts,omitzero"`
	// Dockerfile is the file's path in the context. Default: Dockerfile, else Containerfile.
	Dockerfile string `json:"dockerfile,omitempty"`
	// DockerfileText is the text of the Dockerfile, instead of a path.
	DockerfileText string `json:"dockerfileText,omitempty"`
	// Tags are the names that the image gets. Default: none; the image is found by its id.
	Tags []string `json:"tags,omitempty"`
	// Target is the name or the number of the stage to stop at. Default: the last stage.
	Target string `json:"target,omitempty"`
	// Args are the values of build arguments (ARG), by name. Default: those that the Dockerfile gives.
	Args map[string]string `json:"args,omitempty"`
	// Labels are added to the image.
	Labels map[string]string `json:"labels,omitempty"`
	// Platform, such as linux/arm64 or linux/arm/v7, selects base images and is recorded in the image. Steps of another
	// architecture than the host's need its emulation in the kernel. Default: the host's.
	Platform string `json:"platform,omitempty"`
	// Pull says when base images are fetched. Default: PullMissing.
	Pull PullPolicy `json:"pull,omitempty"`
	// Transport says how the registries of base images and of Cache are reached.
	Transport Transport `json:"transport,omitzero"`
	// Cache says where results of earlier builds are taken from. Default: this store.
	Cache CacheOptions `json:"cache,omitzero"`
	// Run says what RUN steps have beside the image's files.
	Run RunOptions `json:"run,omitzero"`
	// Result says how the image is written.
	Result ResultOptions `json:"result,omitzero"`
	// Jobs is how many stages may be built at the same time. Default: 1.
	Jobs int `json:"jobs,omitempty"`
	// Output gets the steps and what their commands print. Default: nothing is printed.
	Output io.Writer `json:"-"`
	// Progress is called as the build goes on, from one goroutine at a time. Default: none.
	Progress func(BuildEvent) `json:"-"`
}

// NamedContexts are further contexts of a build. FROM NAME, COPY --from=NAME and RUN --mount=from=NAME see them. A
// context takes precedence over an image of its name, and over a stage of its name.
type NamedContexts struct {
	// Files are file systems, by name. They are read as BuildOptions.Context is.
	Files map[string]fs.FS `json:"-"`
	// Images are references of images, by name.
	Images map[string]string `json:"images,omitempty"`
}

// CacheOptions say which results of earlier builds a build takes, and where it leaves its own.
type CacheOptions struct {
	// Disable runs every step anew.
	Disable bool `json:"disable,omitempty"`
	// DisableStages are the names of stages whose steps run anew, whatever the case of their letters. What is made of them
	// follows where they come to something else. A name that no stage of the Dockerfile has is ErrInvalidArgument.
	DisableStages []string `json:"disableStages,omitempty"`
	// From are repositories, such as registry.example.com/team/cache, that are asked for results that the store does not
	// have. One that can't be reached counts as empty. The user's stored credentials are used.
	From []string `json:"from,omitempty"`
	// To are repositories to which the steps' results are pushed.
	To []string `json:"to,omitempty"`
}

// RunOptions say what RUN steps have beside the image's files.
type RunOptions struct {
	// Network is default, host or none. By default a step has a network of its own, as a container has: it reaches what
	// this host reaches, and not the services that listen on this host's loopback. With host, steps have this host's
	// network, and RUN --network=host is allowed: without it a Dockerfile can't have that. RUN --network=none is always
	// allowed. Default: default.
	Network string `json:"network,omitempty"`
	// Hosts are further lines of /etc/hosts, each written NAME:ADDRESS. The address host-gateway stands for this host.
	// They are part of a step's cache key, and so is Network.
	Hosts []string `json:"hosts,omitempty"`
	// Secrets are the values that RUN --mount=type=secret,id=NAME sees, by name. They are in no layer, and in the
	// store's directory only while the step runs.
	Secrets map[string][]byte `json:"secrets,omitempty"`
	// SSH is what RUN --mount=type=ssh,id=NAME sees, by name; a mount without an id has the name default. Each value is
	// the path of an SSH agent's socket or of a private key's file. Empty means the socket that SSH_AUTH_SOCK names.
	// Steps can use the keys and can't read them, and no layer has them.
	SSH map[string]string `json:"ssh,omitempty"`
}

// ResultOptions say how a build writes its image.
type ResultOptions struct {
	// OCI writes the configuration and the manifest in OCI's format, which has no HEALTHCHECK, ONBUILD and SHELL.
	// Default: Docker's format.
	OCI bool `json:"oci,omitempty"`
	// Squash makes one layer of all that the build adds to its base.
	Squash bool `json:"squash,omitempty"`
	// Epoch becomes the image's time of creation, and no file in its new layers is younger, so that the same input gives
	// the same image. Default: the time of the build.
	Epoch time.Time `json:"epoch,omitzero"`
}

// BuildError says which step of a build failed. It matches ErrBuildStep, and ErrNoSpace where a full disk is the reason.
type BuildError struct {
	Step      string `json:"step"`                // the instruction, such as RUN make
	Number    int    `json:"number,omitempty"`    // of the step in its stage, from 1, which is FROM; 0 when not known
	Stage     int    `json:"stage,omitempty"`     // of File, from 1; 0 when not known
	StageName string `json:"stageName,omitempty"` // the name that FROM … AS gives the stage
	ExitCode  int    `json:"exitCode,omitempty"`  // of RUN; 0 when something else failed
	File      string `json:"file,omitempty"`      // the Dockerfile
	Line      int    `json:"line,omitempty"`      // of the step in File, from 1; 0 for a step that is not in it, such as a base's ONBUILD
	Tail      string `json:"tail,omitempty"`      // the last lines that the step printed
	Message   string `json:"message"`

	full bool // the store's disk is
}

func (e *BuildError) Error() string { return e.Message }

// Is makes errors.Is true for ErrBuildStep, and for ErrNoSpace when the step failed since the store's disk is full.
func (e *BuildError) Is(target error) bool {
	return target == ErrBuildStep || e.full && target == ErrNoSpace
}

// buildRequest is a build on its way to the agent.
type buildRequest struct {
	BuildOptions
	api.BuildInput
}

// Build makes an image by a Dockerfile. The result of a step is taken from an earlier build if that had the same inputs:
// the same files before it, the same instruction with the same values of variables, and the same content of the files
// that it reads. Times of files do not count, nor do the values of secrets.
//
// Dockerfiles are those of BuildKit 0.31, whose parser reads them, with these differences:
//
//   - RUN --security=insecure and RUN --device are refused. RUN --network=host needs RunOptions.Network host.
//   - A line # syntax= is a comment: the language is always the same.
//   - COPY --from takes arguments, such as COPY --from=$STAGE, and RUN --mount=from takes numbers of stages.
//   - COPY and ADD fail if none of their sources is there, also when all of them are patterns.
//   - COPY --link makes a layer for each base: it does not share one between bases.
//   - A Dockerfile has at most 1 MiB and 10,000 instructions, and what its variables come to is bounded.
//
// For what docker build --output does, use Export or FS.
//
// Errors: ErrDockerfile when the Dockerfile is not valid; *BuildError, which matches ErrBuildStep, when a step fails;
// ErrInvalidArgument when an option is not valid; ErrInvalidReference when one of Tags is not valid; ErrNoSpace when the
// disk is full; those of Pull for base images.
func (s *Store) Build(ctx context.Context, opts BuildOptions) (*Image, error) {
	return s.build(ctx, opts, api.BuildInput{})
}

// build builds a Dockerfile, or the verbs of input.
func (s *Store) build(ctx context.Context, opts BuildOptions, input api.BuildInput) (*Image, error) {
	in, body, err := opts.request("build", input)
	if err != nil {
		return nil, err
	}
	if body != nil {
		defer body.Close()
	}
	var img Image
	if err := s.c.Stream(ctx, api.ImageBuild, in, body, opts.see, &img); err != nil {
		return nil, buildError(err)
	}
	return &img, nil
}

// request is what the agent gets, and the body that follows, which may be nil.
func (o BuildOptions) request(what string, input api.BuildInput) (in api.BuildRequest[BuildOptions], body io.ReadCloser, err error) {
	input.Quiet, input.Events = o.Output == nil, o.Progress != nil
	req := buildRequest{o, input}
	if o.Context == nil && o.Tar == nil && o.DockerfileText == "" && input.From == "" {
		return in, nil, api.Errorf(ErrInvalidArgument, "%s: no Context, Tar or DockerfileText: set one", what)
	}
	if err := req.findAgents(); err != nil {
		return in, nil, err
	}
	if body, err = req.contexts(); err != nil {
		return in, nil, err
	}
	return api.BuildRequest[BuildOptions]{Options: req.BuildOptions, Input: req.BuildInput}, body, nil
}

// see takes an event of the build.
func (o BuildOptions) see(ev api.Event) error {
	if len(ev.Output) > 0 && o.Output != nil {
		_, err := o.Output.Write(ev.Output)
		return err
	}
	if ev.Progress == nil || o.Progress == nil {
		return nil
	}
	var e BuildEvent
	if err := json.Unmarshal(ev.Progress, &e); err != nil {
		return err
	}
	o.Progress(e)
	return nil
}

func buildError(err error) error {
	e, ok := err.(*api.Error)
	if !ok || e.Data == nil {
		return err
	}
	var be BuildError
	if jerr := json.Unmarshal(e.Data, &be); jerr != nil {
		return fmt.Errorf("%w (and its details don't parse: %w)", err, jerr)
	}
	be.full = errors.Is(e, ErrNoSpace)
	return &be
}

// findAgents makes the paths of SSH absolute, and finds the user's own agent.
func (r *buildRequest) findAgents() error {
	if len(r.Run.SSH) == 0 {
		return nil
	}
	paths := map[string]string{}
	for id, path := range r.Run.SSH {
		if path == "" {
			if path = os.Getenv("SSH_AUTH_SOCK"); path == "" {
				return api.Errorf(ErrInvalidArgument, "build: Run.SSH %s: SSH_AUTH_SOCK is not set: start an SSH agent, or name its socket", id)
			}
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		paths[id] = abs
	}
	r.Run.SSH = paths
	return nil
}
