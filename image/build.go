package image

import (
	"context"
	"encoding/json"
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
	// Context holds the files that COPY and ADD see: os.DirFS("./app") is read in place, any other fs.FS is copied.
	Context fs.FS `json:"-"`
	// Tar is a context as a tar stream, compressed as Import takes it or not, instead of Context.
	Tar io.Reader `json:"-"`
	// Contexts are further contexts by name, read as Context is: FROM NAME, COPY --from=NAME and RUN --mount=from=NAME see
	// them. A name goes before that of an image, which it may be, and before that of a stage, which it replaces.
	Contexts map[string]fs.FS `json:"-"`
	// ContextImages are contexts, too: references of images by name.
	ContextImages map[string]string `json:"contextImages,omitempty"`
	// Dockerfile is the file's path in the context. Default: Dockerfile, else Containerfile.
	Dockerfile string `json:"dockerfile,omitempty"`
	// DockerfileText is the Dockerfile itself, instead of a path.
	DockerfileText string `json:"dockerfileText,omitempty"`
	// Tags are the names of the result.
	Tags []string `json:"tags,omitempty"`
	// Target is the stage to stop at. Default: the last.
	Target string `json:"target,omitempty"`
	// Args are the build arguments (ARG).
	Args map[string]string `json:"args,omitempty"`
	// Labels are added to the image.
	Labels map[string]string `json:"labels,omitempty"`
	// NoCache runs every step anew.
	NoCache bool `json:"noCache,omitempty"`
	// Pull says when base images are fetched. Default: PullMissing.
	Pull PullPolicy `json:"pull,omitempty"`
	// Transport: TLS and plain HTTP for base images.
	Transport Transport `json:"transport,omitzero"`
	// Result says how the image is written.
	Result ResultOptions `json:"result,omitzero"`
	// Network is what RUN has without a --network of its own: host or none. Default: host.
	Network string `json:"network,omitempty"`
	// Hosts are further lines of /etc/hosts while steps run, as NAME:ADDRESS, the address host-gateway for this host; steps
	// without network don't see them. A step's result is taken from an earlier build with other Hosts, too.
	Hosts []string `json:"hosts,omitempty"`
	// Secrets are what RUN --mount=type=secret,id=NAME sees, by name. They are in no layer, and in the store's
	// directory only while the step runs.
	Secrets map[string][]byte `json:"secrets,omitempty"`
	// SSH is what RUN --mount=type=ssh,id=NAME sees, by name; the name of a mount without id is default. Each is the path
	// of an SSH agent's socket or of a private key's file; empty means the socket that SSH_AUTH_SOCK names. Keys are used,
	// never shown, and in no layer.
	SSH map[string]string `json:"ssh,omitempty"`
	// CacheFrom are repositories, as registry.example.com/team/cache, in which steps' results are looked for that the store
	// does not have. One that can't be reached is as one that is empty. Registry credentials are the user's stored ones.
	CacheFrom []string `json:"cacheFrom,omitempty"`
	// CacheTo are repositories to which steps' results are pushed.
	CacheTo []string `json:"cacheTo,omitempty"`
	// Jobs is how many stages may be built at the same time. Default: 1, also where a stage takes files from an image
	// that is no stage.
	Jobs int `json:"jobs,omitempty"`
	// Output gets the steps and what their commands print. Default: nothing.
	Output io.Writer `json:"-"`
	// Progress is called as the build goes on, from one goroutine.
	Progress func(BuildEvent) `json:"-"`
}

// ResultOptions say how a build writes its image.
type ResultOptions struct {
	// Platform as linux/arm64 or linux/arm/v7: what base images are chosen by and what the image says of itself.
	// Steps of another architecture than the host's need its emulation in the kernel. Default: the host's.
	Platform string `json:"platform,omitempty"`
	// OCI writes OCI's configuration and manifest, which have no HEALTHCHECK, ONBUILD and SHELL, instead of Docker's.
	OCI bool `json:"oci,omitempty"`
	// Squash makes one layer of all that the build adds to its base.
	Squash bool `json:"squash,omitempty"`
	// Epoch is the time of creation that the image tells, and no file in its new layers is younger, so that the same
	// input gives the same image. Default: the time of the build.
	Epoch time.Time `json:"epoch,omitzero"`
}

// BuildError says which step of a build failed. It matches ErrBuildStep.
type BuildError struct {
	Step      string `json:"step"`                // the instruction, as RUN make
	Number    int    `json:"number,omitempty"`    // of the step in its stage, from 1, which is FROM; 0 when not known
	Stage     int    `json:"stage,omitempty"`     // of File, from 1; 0 when not known
	StageName string `json:"stageName,omitempty"` // what FROM … AS names the stage
	ExitCode  int    `json:"exitCode,omitempty"`  // of RUN; 0 when something else failed
	File      string `json:"file,omitempty"`      // the Dockerfile
	Line      int    `json:"line,omitempty"`      // of the step in File, from 1; 0 when it is not there, as a base's ONBUILD
	Tail      string `json:"tail,omitempty"`      // the last lines that the step printed
	Message   string `json:"message"`
}

func (e *BuildError) Error() string { return e.Message }

// Is matches ErrBuildStep.
func (e *BuildError) Is(target error) bool { return target == ErrBuildStep }

// WireData lets the error travel from the agent.
func (e *BuildError) WireData() any { return e }

// buildRequest is a build on its way to the agent.
type buildRequest struct {
	BuildOptions
	api.BuildInput
}

// Build makes an image by a Dockerfile. Steps that an earlier build made of the same inputs are taken from it.
//
// Dockerfiles are BuildKit's, with these differences. RUN --mount=type=bind sees what .dockerignore leaves out, too.
// COPY --chown to "." gives the working directory that owner, too. --chmod takes numbers alone. RUN has no --security and
// no --device. A line # syntax= is a comment. What docker build's --output writes, Export and FS have.
//
// Errors: ErrDockerfile, ErrBuildStep (as *BuildError), ErrInvalidArgument, ErrInvalidReference, and those of Pull for
// base images.
func (s *Store) Build(ctx context.Context, opts BuildOptions) (*Image, error) {
	req := buildRequest{opts, api.BuildInput{Quiet: opts.Output == nil, Events: opts.Progress != nil}}
	if opts.Context == nil && opts.Tar == nil && opts.DockerfileText == "" {
		return nil, api.Errorf(ErrInvalidArgument, "build: no Context, Tar or DockerfileText: set one")
	}
	body, err := req.contexts()
	if err != nil {
		return nil, err
	}
	if body != nil {
		defer body.Close()
	}
	if err := req.findAgents(); err != nil {
		return nil, err
	}
	var img Image
	in := api.BuildRequest[BuildOptions]{Options: req.BuildOptions, Input: req.BuildInput}
	if err := s.c.Stream(ctx, api.ImageBuild, in, body, opts.see, &img); err != nil {
		return nil, buildError(err)
	}
	return &img, nil
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
	return &be
}

// findAgents makes the paths of SSH absolute, and finds the user's own agent.
func (r *buildRequest) findAgents() error {
	paths := map[string]string{}
	for id, path := range r.SSH {
		if path == "" {
			if path = os.Getenv("SSH_AUTH_SOCK"); path == "" {
				return api.Errorf(ErrInvalidArgument, "build: SSH %s: SSH_AUTH_SOCK is not set: start an SSH agent, or name its socket", id)
			}
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		paths[id] = abs
	}
	r.SSH = paths
	return nil
}
