package image

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
)

var osDirFS = os.DirFS(".")

// tarOf streams a file system as tar: regular files, directories and symbolic links, with their modes and times.
func tarOf(f fs.FS) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		tw := tar.NewWriter(w)
		err := writeTree(tw, f)
		w.CloseWithError(errors.Join(err, tw.Close()))
	}()
	return r
}

func writeTree(tw *tar.Writer, f fs.FS) error {
	return fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = fs.ReadLink(f, name); err != nil {
				return err
			}
		} else if !info.Mode().IsRegular() && !info.IsDir() {
			return nil // sockets, pipes and devices have no place in a build context
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
		if info.IsDir() {
			h.Name += "/"
		}
		if h.Mode&0o777 == 0 { // embed.FS has 0444 for files, but a hand-made FS may have no mode at all
			h.Mode |= 0o644
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		file, err := f.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(tw, file)
		return err
	})
}
