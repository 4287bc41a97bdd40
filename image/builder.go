package image

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/caisson-dev/caisson/internal/api"
)

// Builder makes an image without a Dockerfile. Its verbs are the instructions of a Dockerfile, in the order in which they are
// called; none of them does anything before Commit. Words are taken as they are: no variables are replaced in them.
//
// A Builder may be used on after Commit: what is added then begins where the image ends. It is not for several goroutines at
// the same time.
type Builder struct {
	s     *Store
	opts  BuildOptions
	from  string
	verbs []api.BuildVerb
	files map[string]fs.FS
	err   error // the first
}

// From returns a Builder that begins with an image, or with nothing for scratch. ONBUILD instructions of the image are not
// run. Of opts, what says how a build goes and what its steps have counts, as for Build; Context, Tar, Contexts, Dockerfile,
// DockerfileText, Target and Args must not be set.
func (s *Store) From(ref string, opts BuildOptions) *Builder {
	b := &Builder{s: s, opts: opts, from: ref, files: map[string]fs.FS{}}
	if ref == "" {
		b.fail("FROM: no image: name one, or scratch")
	}
	for name, set := range map[string]bool{
		"Context": opts.Context != nil, "Tar": opts.Tar != nil, "Contexts": len(opts.Contexts.Files)+len(opts.Contexts.Images) > 0,
		"Dockerfile": opts.Dockerfile != "", "DockerfileText": opts.DockerfileText != "", "Target": opts.Target != "", "Args": len(opts.Args) > 0,
	} {
		if set {
			b.fail("BuildOptions.%s is for a Dockerfile: leave it out", name)
		}
	}
	return b
}

func (b *Builder) fail(format string, args ...any) *Builder {
	if b.err == nil {
		b.err = api.Errorf(ErrInvalidArgument, "build: "+format, args...)
	}
	return b
}

func (b *Builder) add(v api.BuildVerb) *Builder {
	b.verbs = append(b.verbs, v)
	return b
}

// list adds a verb of words.
func (b *Builder) list(name string, args []string, flags ...string) *Builder {
	return b.add(api.BuildVerb{Name: name, Args: args, Flags: flags, List: true})
}

// Run runs a program with arguments, without a shell.
func (b *Builder) Run(args ...string) *Builder {
	if len(args) == 0 {
		return b.fail("RUN: no command: name a program")
	}
	return b.list("RUN", args)
}

// Shell runs a script by the image's shell, which is /bin/sh unless a base says otherwise.
func (b *Builder) Shell(script string) *Builder {
	if script == "" {
		return b.fail("RUN: the script is empty")
	}
	return b.add(api.BuildVerb{Name: "RUN", Args: []string{script}})
}

// CopyOptions say what Copy and CopyFrom copy and what becomes of it.
type CopyOptions struct {
	// Paths are what is copied, from the root of the source, as COPY has it: the content of a directory, or a file, or what a
	// pattern such as *.txt fits. Default: all.
	Paths []string
	// Owner is USER, UID, USER:GROUP or UID:GID of the copies. Default: root for Copy, and as they are for CopyFrom.
	Owner string
	// Mode is that of the copies, in octal such as 0755, or such as u=rwX,go=rX. Default: as they are.
	Mode string
	// Exclude are patterns of files that are left out.
	Exclude []string
}

func (o CopyOptions) flags() (out []string) {
	if o.Owner != "" {
		out = append(out, "--chown="+o.Owner)
	}
	if o.Mode != "" {
		out = append(out, "--chmod="+o.Mode)
	}
	for _, p := range o.Exclude {
		out = append(out, "--exclude="+p)
	}
	return out
}

func (b *Builder) copy(from, dest string, o CopyOptions) *Builder {
	if dest == "" {
		return b.fail("COPY: no destination: name a file, or a directory with a slash at its end")
	}
	paths := o.Paths
	if len(paths) == 0 {
		paths = []string{"."}
	}
	return b.list("COPY", append(slices.Clone(paths), dest), append([]string{"--from=" + from}, o.flags()...)...)
}

// Copy copies files of a file system to dest, seen from the working directory; see COPY in Docker's reference. os.DirFS is
// read in place, when Commit is called; a .dockerignore is a file as any other.
func (b *Builder) Copy(fsys fs.FS, dest string, opts CopyOptions) *Builder {
	if fsys == nil {
		return b.fail("COPY: no file system")
	}
	name := fmt.Sprint(api.BuilderFiles, len(b.files))
	b.files[name] = fsys
	return b.copy(name, dest, opts)
}

// CopyFrom copies files of an image.
func (b *Builder) CopyFrom(ref, dest string, opts CopyOptions) *Builder {
	if ref == "" {
		return b.fail("COPY: no image: name the one to copy from")
	}
	return b.copy(ref, dest, opts)
}

// Env sets a variable of the image and of the commands that follow.
func (b *Builder) Env(name, value string) *Builder {
	return b.list("ENV", []string{name, value, "="})
}

// Label sets a label of the image.
func (b *Builder) Label(name, value string) *Builder {
	return b.list("LABEL", []string{name, value, "="})
}

// User sets the user of the image and of the commands that follow, such as 1000:1000 or bob.
func (b *Builder) User(user string) *Builder { return b.list("USER", []string{user}) }

// Dir makes a directory, if it is not there, and makes it the working directory.
func (b *Builder) Dir(dir string) *Builder { return b.list("WORKDIR", []string{dir}) }

// Entrypoint sets the program that containers run, with its first arguments. It takes the base's Cmd away.
func (b *Builder) Entrypoint(args ...string) *Builder { return b.list("ENTRYPOINT", args) }

// Cmd sets the command of containers, or the arguments of Entrypoint.
func (b *Builder) Cmd(args ...string) *Builder { return b.list("CMD", args) }

// Expose names ports that the image's programs listen on, such as 80 or 53/udp.
func (b *Builder) Expose(ports ...string) *Builder { return b.list("EXPOSE", ports) }

// Volume names directories that get a volume in each container.
func (b *Builder) Volume(dirs ...string) *Builder { return b.list("VOLUME", dirs) }

// StopSignal sets the signal that stops containers, such as SIGTERM.
func (b *Builder) StopSignal(signal string) *Builder { return b.list("STOPSIGNAL", []string{signal}) }

// Commit runs the verbs, makes an image of what they leave and gives it the names. Results of earlier builds are taken as
// Build takes them, from Dockerfiles with the same instructions, too.
//
// Errors: ErrInvalidArgument for a verb or an option that is not valid; *BuildError, whose Step is the verb with its
// arguments, when one fails; and the others of Build.
func (b *Builder) Commit(ctx context.Context, tags ...string) (*Image, error) {
	if b.err != nil {
		return nil, b.err
	}
	opts := b.opts
	opts.Tags = append(slices.Clone(opts.Tags), tags...)
	opts.Contexts.Files = b.files
	return b.s.build(ctx, opts, api.BuildInput{From: b.from, Verbs: b.verbs})
}
