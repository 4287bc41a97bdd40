package image

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/caisson-dev/caisson/internal/api"
)

// contexts says in the request where the contexts are. The body has those that are not directories; it is nil when there
// are none.
func (r *buildRequest) contexts() (io.ReadCloser, error) {
	var first io.Reader
	switch {
	case r.Context != nil && r.Tar != nil:
		return nil, api.Errorf(ErrInvalidArgument, "build: Context and Tar are both set: set one")
	case r.Tar != nil:
		first = r.Tar
	case r.Context != nil && dirOf(r.Context) != "":
		abs, err := contextDir("context", dirOf(r.Context))
		if err != nil {
			return nil, err
		}
		r.Dir = abs
	}
	if err := r.namedContexts(); err != nil {
		return nil, err
	}
	if first == nil && r.Context != nil && r.Dir == "" {
		f := tarOf(r.Context)
		if len(r.Tars) == 0 {
			r.HasTar = true
			return f, nil
		}
		first = f
	}
	r.HasTar = first != nil
	switch {
	case len(r.Tars) > 0:
		return r.multipart(first), nil
	case first != nil:
		return io.NopCloser(first), nil
	}
	return nil, nil
}

// namedContexts sorts Contexts into directories and what is sent.
func (r *buildRequest) namedContexts() error {
	r.Dirs = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Contexts.Files)) {
		f := r.Contexts.Files[name]
		if f == nil {
			return api.Errorf(ErrInvalidArgument, "build: Contexts.Files[%q] is nil: give it a file system", name)
		}
		dir := dirOf(f)
		if dir == "" {
			r.Tars = append(r.Tars, name)
			continue
		}
		abs, err := contextDir("Contexts.Files["+name+"]", dir)
		if err != nil {
			return err
		}
		r.Dirs[name] = abs
	}
	return nil
}

// multipart sends first, if there is one, and each of Tars after it.
func (r *buildRequest) multipart(first io.Reader) io.ReadCloser {
	pr, pw := io.Pipe()
	mw := multipart.NewWriter(pw)
	r.Boundary = mw.Boundary()
	var parts []io.Reader
	if first != nil {
		parts = append(parts, first)
	}
	for _, name := range r.Tars {
		parts = append(parts, tarOf(r.Contexts.Files[name]))
	}
	go func() {
		err := sendParts(mw, parts)
		pw.CloseWithError(errors.Join(err, mw.Close()))
		for _, p := range parts {
			if c, ok := p.(*io.PipeReader); ok {
				c.Close()
			}
		}
	}()
	return pr
}

func sendParts(mw *multipart.Writer, parts []io.Reader) error {
	for _, p := range parts {
		w, err := mw.CreatePart(textproto.MIMEHeader{})
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, p); err != nil {
			return err
		}
	}
	return nil
}

// contextDir makes dir absolute, since the agent works in another directory.
func contextDir(what, dir string) (string, error) {
	st, err := os.Stat(dir)
	if err == nil && !st.IsDir() {
		err = &fs.PathError{Op: "build in", Path: dir, Err: errors.New("not a directory")}
	}
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return "", api.Errorf(ErrInvalidArgument, "build: %s: %w: name a directory that exists", what, err)
	}
	return dir, nil
}

// dirOf returns the directory of an os.DirFS, whose type is a string.
func dirOf(f fs.FS) string {
	v := reflect.ValueOf(f)
	if v.Kind() == reflect.String && v.Type() == reflect.TypeOf(osDirFS) {
		return v.String()
	}
	return ""
}
