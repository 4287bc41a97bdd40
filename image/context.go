package image

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/caisson-dev/caisson/internal/fstar"
)

var osDirFS = os.DirFS(".")

// tarOf streams a file system as tar: regular files, directories and symbolic links, with their modes and times. Others
// have no place in a build context.
func tarOf(f fs.FS) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		tw := tar.NewWriter(w)
		err := fstar.Tree(tw, f, ".", "", func(h *tar.Header, _ fs.FileInfo) error {
			h.Format = tar.FormatUnknown // full seconds
			if h.Mode&0o777 == 0 {       // embed.FS has 0444 for files, but a hand-made FS may have no mode at all
				h.Mode |= 0o644
			}
			return nil
		})
		w.CloseWithError(errors.Join(err, tw.Close()))
	}()
	return r
}
