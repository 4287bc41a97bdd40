package dockerfile

import (
	"cmp"
	"context"

	"github.com/containerd/platforms"
	spec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is an image's configuration, in Docker's form.
type Image = spec.DockerOCIImage

// Options say how a Dockerfile is read.
type Options struct {
	Name     string            // of the file, for messages
	Args     map[string]string // build arguments
	Labels   map[string]string // of the image, added as a last step
	Target   string            // the stage to build; empty for the last
	Platform string            // of the image; empty for the host's
	Host     ocispec.Platform  // where steps run
	Contexts []Context         // named contexts
	Fresh    []string          // the names of stages that take nothing of earlier builds
	Network  string            // of steps that don't say: "", "none" or "host"
	Hosts    []string          // of steps, for their keys
	Proxies  []string          // variables of the environment that steps have and that are in no key, such as http_proxy=…
	Ignore   []string          // of .dockerignore, for warnings
	Lint     bool              // warnings are what is asked for: the text can't make them an error
	// CheckName tells what is wrong with the name of an image.
	CheckName func(name string) error
	// Base finds the image that a stage begins with or takes files from.
	Base func(ctx context.Context, need Need) (*Base, error)
}

// Context is a context that has a name.
type Context struct {
	Name  string
	Image string // a reference; empty for files
}

// Need is an image that a build needs.
type Need struct {
	Ref      string
	Platform string // empty for the host's, or what the image says
	Context  string // the named context that Ref comes from; empty for none
	Begins   bool   // a stage begins with it; else files are taken from it
	Line     int    // of the Dockerfile that it is needed for
}

// Base is an image that a build needs, found.
type Base struct {
	ID     string // what the caller knows it by
	Layer  string // its top layer; empty for none
	Config *Image
}

// target is the platform of the image.
func (o *Options) target() (ocispec.Platform, error) {
	return platforms.Parse(cmp.Or(o.Platform, platforms.Format(o.Host)))
}

// platformArgs are the arguments that every Dockerfile has for FROM, unless they are given by hand.
func (o *Options) platformArgs(target ocispec.Platform, stage string) *vars {
	out := &vars{}
	for _, kv := range [...][2]string{
		{"BUILDPLATFORM", platforms.Format(o.Host)}, {"BUILDOS", o.Host.OS}, {"BUILDOSVERSION", o.Host.OSVersion},
		{"BUILDARCH", o.Host.Architecture}, {"BUILDVARIANT", o.Host.Variant},
		{"TARGETPLATFORM", platforms.Format(target)}, {"TARGETOS", target.OS}, {"TARGETOSVERSION", target.OSVersion},
		{"TARGETARCH", target.Architecture}, {"TARGETVARIANT", target.Variant}, {"TARGETSTAGE", cmp.Or(stage, "default")},
	} {
		value := kv[1]
		if given, ok := o.Args[kv[0]]; ok {
			value = given
		}
		out.set(kv[0], value)
	}
	return out
}
