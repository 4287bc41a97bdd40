package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/caisson-dev/caisson/image"
)

// buildOutput is where the files of a build's result go, as docker build -o has it.
type buildOutput struct {
	kind string // local or tar; empty for nowhere
	dest string // a directory or a file; "-" is standard output
}

// buildOutputOf reads DIR, - or type=local|tar,dest=PATH.
func buildOutputOf(s string) (buildOutput, error) {
	switch {
	case s == "":
		return buildOutput{}, nil
	case s == "-":
		return buildOutput{"tar", "-"}, nil
	case !strings.Contains(s, "="):
		return buildOutput{"local", s}, nil
	}
	f, err := commaPairs("output", s, "type", "dest")
	if err != nil {
		return buildOutput{}, err
	}
	o := buildOutput{f["type"], f["dest"]}
	switch {
	case o.kind == "tar" && o.dest == "":
		o.dest = "-"
	case o.kind != "tar" && o.kind != "local", o.dest == "", o.kind == "local" && o.dest == "-":
		return buildOutput{}, usage("build", fmt.Errorf("--output %q: write it as DIR, type=local,dest=DIR or type=tar,dest=FILE", s))
	}
	return o, nil
}

// output writes the image's files out.
func (c *cli) output(ctx context.Context, store *image.Store, ref string, o buildOutput) error {
	if o.kind == "tar" {
		return c.write(strings.TrimPrefix(o.dest, "-"), func(w io.Writer) error { return store.Export(ctx, w, ref) })
	}
	if err := os.MkdirAll(o.dest, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(o.dest) // no name and no link leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	r, w := io.Pipe()
	go func() { w.CloseWithError(store.Export(ctx, w, ref)) }()
	defer r.Close()
	if err := unpack(root, tar.NewReader(r)); err != nil {
		return fmt.Errorf("--output %s: %w", o.dest, err)
	}
	return nil
}

// unpack writes a tar stream's files below root. They belong to the caller, as those of docker build -o.
func unpack(root *os.Root, tr *tar.Reader) error {
	var dirs []*tar.Header
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		h.Name = strings.TrimSuffix(h.Name, "/")
		if h.Typeflag == tar.TypeDir {
			dirs = append(dirs, h)
		}
		if err := unpackOne(root, h, tr); err != nil {
			return err
		}
	}
	for i := len(dirs) - 1; i >= 0; i-- { // files in them changed their times, and some may not be written to
		h := dirs[i]
		if err := errors.Join(root.Chmod(h.Name, fs.FileMode(h.Mode).Perm()), root.Chtimes(h.Name, h.ModTime, h.ModTime)); err != nil {
			return err
		}
	}
	return nil
}

func unpackOne(root *os.Root, h *tar.Header, r io.Reader) error {
	have, err := root.Lstat(h.Name)
	if h.Typeflag == tar.TypeDir {
		if err == nil && have.IsDir() {
			return root.Chmod(h.Name, 0o700)
		}
		return root.Mkdir(h.Name, 0o700)
	}
	if err == nil {
		if err := root.Remove(h.Name); err != nil { // not a directory with files
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, h.Name)
	case tar.TypeLink:
		return root.Link(h.Linkname, h.Name)
	case tar.TypeReg:
	default:
		return nil // a device or pipe is of no use here
	}
	f, err := root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Chmod(fs.FileMode(h.Mode).Perm()), f.Close()); err != nil { // without set-user-id: the owner is another
		return err
	}
	return root.Chtimes(h.Name, h.ModTime, h.ModTime)
}
