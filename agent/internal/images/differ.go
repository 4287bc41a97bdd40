package images

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/vbatts/tar-split/tar/storage"
	drivers "go.podman.io/storage/drivers"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/untar"
	"github.com/caisson-dev/caisson/internal/api"
)

// readAhead is how much of a compressed layer is buffered.
const readAhead = 1 << 20

// differ unpacks a layer into the directory that the storage driver gives it, and checks it by both its digests.
type differ struct {
	*layer
	ctx   context.Context
	watch *watch
	open  func() (io.ReadCloser, error)
}

// Close has nothing to close.
func (d *differ) Close() error { return nil }

// ApplyDiff is called by the storage driver.
func (d *differ) ApplyDiff(dest string, o *archive.TarOptions, do *drivers.DifferOptions) (out drivers.DriverWithDifferOutput, err error) {
	if do.Format != drivers.DifferOutputFormatDir {
		return out, errNotFast
	}
	rc, err := d.openWatched()
	if err != nil {
		return out, err
	}
	defer rc.Close()
	stream := &watched{r: rc, w: d.watch, l: d.layer}
	compressed := digest.Canonical.Digester()
	in := bufio.NewReaderSize(io.TeeReader(io.LimitReader(stream, d.info.Size+1), compressed.Hash()), readAhead)
	split, err := nameless(do.StagingDirectory, "tar-split")
	if err != nil {
		return out, err
	}
	keep := false
	defer func() {
		if !keep {
			split.Close()
		}
	}()
	d.compression = compressionOf(in)
	guard, err := diskspace.NewGuard(d.ctx, dest)
	if err != nil {
		return out, err
	}
	defer guard.Close()
	u := &unpack{options: o, owners: map[[2]int]bool{}, guard: guard}
	size, diffID, err := u.layer(dest, in, split)
	if errors.Is(err, api.ErrNoSpace) {
		return out, err
	}
	// The rest is read in any other case: a digest that does not match explains what could not be read.
	_, rest := io.Copy(io.Discard, in)
	if err = errors.Join(err, rest); d.ctx.Err() != nil {
		return out, context.Cause(d.ctx)
	}
	if got := compressed.Digest(); rest == nil && got != d.info.Digest {
		return out, api.Errorf(api.ErrDigestMismatch, "Digest did not match, expected %s, got %s: the content is damaged, or was on its way", d.info.Digest, got)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return out, api.Errorf(api.ErrCorrupt, "%s: the layer was made so: the image is broken", err) // and another attempt is no use
	}
	if err != nil {
		return out, err
	}
	if stream.n != d.info.Size {
		return out, api.Errorf(api.ErrCorrupt, "the manifest says that the layer has %d bytes, and it has %d: the image is broken", d.info.Size, stream.n)
	}
	if diffID != d.diffID {
		return out, api.Errorf(api.ErrDigestMismatch, "Digest did not match: the configuration says %s, the layer has %s unpacked: the image is broken", d.diffID, diffID)
	}
	stream.finish()
	keep = true
	out.UncompressedDigest, out.CompressedDigest, out.Size, out.TarSplit = diffID, d.info.Digest, size, split
	out.UIDs, out.GIDs = u.ids()
	return out, nil
}

// openWatched asks for the blob; the wait for the answer counts as a stall too.
func (d *differ) openWatched() (io.ReadCloser, error) {
	w := &watched{}
	d.watch.begin(w)
	defer d.watch.end(w)
	return d.open()
}

// layer unpacks a compressed layer and returns its size and digest without compression.
func (u *unpack) layer(dest string, in *bufio.Reader, split io.Writer) (int64, digest.Digest, error) {
	plain, done, err := untar.Plain(in)
	if err != nil {
		return 0, "", err
	}
	defer done()
	if u.fds, err = os.Open("/proc/self/fd"); err != nil {
		return 0, "", err
	}
	defer u.fds.Close()
	sum := digest.Canonical.Digester()
	count := &counter{r: io.TeeReader(plain, sum.Hash())}
	sw := bufio.NewWriterSize(u.guard.Writer(split), 64<<10)
	err = inChroot(dest, func() error { return u.all(bufio.NewReaderSize(count, 256<<10), storage.NewJSONPacker(sw)) })
	if err == nil && u.noted != count.n {
		err = api.Errorf(api.ErrCorrupt, "tar: it ends within an entry, or has bytes that belong to none: it can't be packed again as it is")
	}
	if err == nil {
		err = sw.Flush()
	}
	return count.n, sum.Digest(), err
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
