package dockerfile

import (
	"maps"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// defaultPath is what BuildKit gives an image without a PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// state is what a stage is at.
type state struct {
	image    Image           // its Env is in conf
	conf     *vars           // of the image
	env      *vars           // of steps: with ARGs
	args     []string        // names of ARGs, in order
	declared map[string]bool // the same
	dirSet   bool            // WORKDIR was there

	cmd, entrypoint, health []parser.Range // where they were said in this stage; nil before
	cmdSet                  bool
}

// empty is the configuration of an image without a base.
func empty(p ocispec.Platform) *Image {
	img := &Image{}
	img.Platform = p
	img.RootFS.Type = "layers"
	img.Config.WorkingDir = "/"
	return img
}

// use begins with an image. The image stays as it is.
func (s *state) use(img *Image) {
	s.image = *img
	s.image.History = slices.Clip(img.History)
	s.conf = varsOf(img.Config.Env)
	if _, ok := s.conf.Get("PATH"); !ok {
		s.conf.set("PATH", defaultPath)
	}
	s.image.Config.Env = nil
	s.image.Config.OnBuild = nil
	s.env = varsOf(s.conf.env())
	s.declared = map[string]bool{}
}

// child is the state of a stage that begins with this one, whose configuration is img.
func (s *state) child(img *Image) *state {
	out := &state{
		image: *img, conf: s.conf.copy(), env: s.env.copy(), args: slices.Clip(s.args), declared: maps.Clone(s.declared), dirSet: s.dirSet,
	}
	out.image.History = slices.Clip(img.History)
	out.image.Config.OnBuild = nil
	return out
}

// snapshot is the configuration as it is now.
func (s *state) snapshot() *Image {
	out := s.image
	out.Config.Env = s.conf.env()
	out.History = slices.Clip(s.image.History)
	s.image.History = out.History
	return &out
}

// setEnv sets a variable of steps and of the image.
func (s *state) setEnv(name, value string) error {
	s.conf.set(name, value)
	s.env.set(name, value)
	return s.env.check(name, value)
}

// setArg sets a variable of steps.
func (s *state) setArg(name, value string) error {
	s.env.set(name, value)
	return s.env.check(name, value)
}

func (s *state) did(text string, layer bool) {
	s.image.History = append(s.image.History, ocispec.History{CreatedBy: text, EmptyLayer: !layer})
}
