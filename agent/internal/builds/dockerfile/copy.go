package dockerfile

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/opencontainers/go-digest"
	chmod "github.com/tonistiigi/dchapes-mode"
)

// copyFrom plans a COPY.
func (r *reader) copyFrom(ctx context.Context, c *instructions.CopyCommand) (*Copy, error) {
	out := r.newCopy(c.SourcesAndDest)
	out.Owner, out.Mode, out.Link, out.Parents, out.Exclude = c.Chown, c.Chmod, c.Link, c.Parents, c.ExcludePatterns
	out.From = Source{Main: true}
	if c.From != "" {
		res, err := r.expand.word(c.From, r.state.env)
		if err != nil {
			return nil, err
		}
		if res.Result == "" {
			return nil, fmt.Errorf("--from=%s: the name is empty once its arguments are replaced: give the argument a default or a value", short(c.From))
		}
		if out.From, err = r.from(ctx, "COPY", res.Result); err != nil {
			return nil, err
		}
	} else {
		r.ignored(c, "Copy", c.SourcePaths)
	}
	for _, src := range c.SourcePaths {
		if isURL(src) || gitOf(src) != nil {
			return nil, fmt.Errorf("%s: source can't be a URL for COPY: download it with ADD", short(src))
		}
		out.Items = append(out.Items, Item{Path: src})
	}
	out.inline(c.SourceContents)
	return out, r.endCopy("COPY", c.SourcesAndDest, out)
}

// addFrom plans an ADD.
func (r *reader) addFrom(c *instructions.AddCommand) (*Copy, error) {
	out := r.newCopy(c.SourcesAndDest)
	out.Add, out.From = true, Source{Main: true}
	out.Owner, out.Mode, out.Link, out.Exclude = c.Chown, c.Chmod, c.Link, c.ExcludePatterns
	if c.Checksum != "" && (len(c.SourcePaths) != 1 || len(c.SourceContents) > 0) {
		return nil, errors.New("--checksum is of one source: write one ADD for each")
	}
	r.ignored(c, "Add", c.SourcePaths)
	for _, src := range c.SourcePaths {
		item, err := addItem(c, src)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item)
	}
	out.inline(c.SourceContents)
	return out, r.endCopy("ADD", c.SourcesAndDest, out)
}

func (r *reader) newCopy(c instructions.SourcesAndDest) *Copy {
	conf := r.state.image.Config
	return &Copy{Dest: r.state.absolute(c.DestPath), Dir: conf.WorkingDir, User: conf.User}
}

func (c *Copy) inline(files []instructions.SourceContent) {
	for _, f := range files {
		c.Items = append(c.Items, Item{File: &File{f.Path, f.Data}})
	}
}

// endCopy checks the flags and notes what was done.
func (r *reader) endCopy(name string, said instructions.SourcesAndDest, c *Copy) error {
	if err := checkMode(c.Mode); err != nil {
		return err
	}
	if len(c.Items) > 1 && !strings.HasSuffix(c.Dest, "/") && !strings.HasSuffix(c.Dest, "/.") && c.Dest != "/" {
		return fmt.Errorf("%s: with more than one source the destination must be a directory: end it with a slash", short(said.DestPath))
	}
	text := name
	if c.Parents {
		text += " --parents"
	}
	if c.Owner != "" {
		text += " --chown=" + c.Owner
	}
	if c.Mode != "" {
		text += " --chmod=" + c.Mode
	}
	for _, p := range said.SourcePaths {
		text += " " + p
	}
	for _, f := range said.SourceContents {
		text += " <<" + f.Path
	}
	r.state.did(text+" "+said.DestPath, true)
	return nil
}

func checkMode(s string) error {
	if s == "" {
		return nil
	}
	const remedy = "write it like 755, 4755 or u=rwX,go=rX"
	if n, err := strconv.ParseUint(s, 8, 32); err == nil {
		if n > 0o7777 {
			return fmt.Errorf("--chmod=%s: it is more than 7777: %s", s, remedy)
		}
		return nil
	}
	if _, err := chmod.Parse(s); err != nil {
		return fmt.Errorf("--chmod=%s: it is not a valid mode: %s", short(s), remedy)
	}
	return nil
}

func isURL(s string) bool {
	return (strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")) && gitOf(s) == nil
}

// gitOf is the repository that s names, or nil.
func gitOf(s string) *dfgitutil.GitRef {
	ref, ok, err := dfgitutil.ParseGitRef(s)
	if !ok || err != nil || ref.IndistinguishableFromLocal {
		return nil
	}
	return ref
}

func addItem(c *instructions.AddCommand, src string) (Item, error) {
	ref, isGit, err := dfgitutil.ParseGitRef(src)
	switch {
	case isGit && err != nil:
		return Item{}, fmt.Errorf("%s: %w", short(src), err)
	case isGit && !ref.IndistinguishableFromLocal:
		g, err := gitItem(c, ref)
		if err != nil {
			return Item{}, fmt.Errorf("%s: %w", short(src), err)
		}
		return Item{Git: g}, nil
	case isURL(src):
		if c.Checksum != "" {
			if _, err := digest.Parse(c.Checksum); err != nil {
				return Item{}, fmt.Errorf("--checksum=%s: %w: write it like sha256:…, with 64 hexadecimal digits", short(c.Checksum), err)
			}
		}
		return Item{URL: src, Checksum: c.Checksum, Unpack: c.Unpack != nil && *c.Unpack}, nil
	case c.Checksum != "":
		return Item{}, errors.New("--checksum is for URLs and git repositories: leave it out for files of the build context")
	}
	return Item{Path: src, Unpack: c.Unpack == nil || *c.Unpack}, nil
}

func gitItem(c *instructions.AddCommand, ref *dfgitutil.GitRef) (*Git, error) {
	out := &Git{Remote: ref.Remote, Ref: ref.Ref, Subdir: ref.SubDir, Checksum: ref.Checksum}
	if c.KeepGitDir != nil && ref.KeepGitDir != nil && *c.KeepGitDir != *ref.KeepGitDir {
		return nil, errors.New("--keep-git-dir and the address say different things: leave one out")
	}
	if c.Checksum != "" && ref.Checksum != "" && c.Checksum != ref.Checksum {
		return nil, errors.New("--checksum and the address say different things: leave one out")
	}
	if c.Checksum != "" {
		out.Checksum = c.Checksum
	}
	for _, keep := range []*bool{ref.KeepGitDir, c.KeepGitDir} {
		out.KeepDir = out.KeepDir || keep != nil && *keep
	}
	out.NoSubmodules = ref.Submodules != nil && !*ref.Submodules
	return out, nil
}
