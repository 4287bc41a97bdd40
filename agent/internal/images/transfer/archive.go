package transfer

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"go.podman.io/image/v5/docker/archive"
	"go.podman.io/image/v5/oci/layout"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/untar"
	"github.com/caisson-dev/caisson/internal/api"
)

// spool keeps the archive, unpacked if it was compressed: it is read twice.
func spool(ctx context.Context, file string, r io.Reader) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	guard, err := diskspace.NewGuard(ctx, filepath.Dir(file))
	if err != nil {
		return err
	}
	defer guard.Close()
	plain, done, err := untar.Plain(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	defer done()
	if _, err := io.Copy(guard.Writer(f), plain); err != nil {
		if errors.Is(err, api.ErrNoSpace) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return api.Errorf(api.ErrCorrupt, "read the archive: %w", err)
	}
	return f.Close()
}

// archived is an image of an archive.
type archived struct {
	source types.ImageReference
	names  []string
}

// inArchive finds out the format and lists the images. Docker's newer archives are both; its own format is preferred,
// since it has all names.
func inArchive(ctx context.Context, sc *types.SystemContext, dir, file string) (list []archived, done func(), err error) {
	docker, oci, err := formats(file)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case docker:
		return inDocker(sc, file)
	case oci:
		list, err = inOCI(ctx, dir, file)
		return list, func() {}, err
	}
	return nil, nil, api.Errorf(api.ErrInvalidArgument, "the archive is neither docker save's (it has no manifest.json) nor an OCI layout (no index.json)")
}

func formats(file string) (docker, oci bool, err error) {
	f, err := os.Open(file)
	if err != nil {
		return false, false, err
	}
	defer f.Close()
	tr := tar.NewReader(f)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return docker, oci, nil
		}
		if err != nil {
			return false, false, api.Errorf(api.ErrCorrupt, "tar: %w", err)
		}
		switch path.Clean(h.Name) {
		case "manifest.json":
			docker = true
		case "index.json":
			oci = true
		}
	}
}

func inDocker(sc *types.SystemContext, file string) ([]archived, func(), error) {
	r, err := archive.NewReader(sc, file)
	if err != nil {
		return nil, nil, api.Errorf(api.ErrCorrupt, "%w", err)
	}
	done := func() { _ = r.Close() } // it has only read
	found, err := r.List()
	if err != nil {
		done()
		return nil, nil, api.Errorf(api.ErrCorrupt, "%w", err)
	}
	var list []archived
	for _, refs := range found {
		a := archived{source: refs[0]}
		for _, ref := range refs {
			named := ref.DockerReference()
			if named == nil {
				continue
			}
			if full, err := images.NormalizeTag(named.String()); err == nil {
				a.names = append(a.names, full)
			}
		}
		list = append(list, a)
	}
	return list, done, nil
}

func inOCI(ctx context.Context, dir, file string) ([]archived, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unpacked := filepath.Join(dir, "layout")
	if err := os.Mkdir(unpacked, 0o700); err != nil {
		return nil, err
	}
	if err := untar.Dir(ctx, unpacked, f); err != nil {
		return nil, err
	}
	if err := checkLayout(unpacked); err != nil {
		return nil, err
	}
	found, err := layout.List(unpacked)
	if err != nil {
		return nil, api.Errorf(api.ErrCorrupt, "%w", err)
	}
	var list []archived
	same := map[string]int{}
	for i, res := range found {
		if !isImage(unpacked, res.ManifestDescriptor) {
			continue
		}
		name := ociName(res.ManifestDescriptor.Annotations)
		if j, ok := same[res.ManifestDescriptor.Digest.String()]; ok {
			list[j].names = append(list[j].names, name...)
			continue
		}
		ref, err := layout.NewIndexReference(unpacked, i)
		if err != nil {
			return nil, err
		}
		same[res.ManifestDescriptor.Digest.String()] = len(list)
		list = append(list, archived{source: ref, names: name})
	}
	return list, nil
}

// ociName is the full name in a layout's index: containerd writes it beside the tag, others in the place of the tag.
func ociName(annotations map[string]string) []string {
	for _, key := range []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"} {
		v := annotations[key]
		if v == "" || !strings.ContainsAny(v, "/:") { // a tag alone says nothing of the repository
			continue
		}
		if full, err := images.NormalizeTag(v); err == nil {
			return []string{full}
		}
	}
	return nil
}

// brokenArchive gives what upstream finds wrong with an archive, which is all there, the sentinel of broken ones, unless
// it has another. The names of our temporary files say nothing to anyone.
func brokenArchive(ctx context.Context, err error) error {
	var errno syscall.Errno
	if sentinel, _ := classify(err); sentinel != nil || ctx.Err() != nil || errors.As(err, &errno) && errno != syscall.ENOENT {
		return err
	}
	var missing *fs.PathError
	if errors.As(err, &missing) {
		return api.Errorf(api.ErrCorrupt, "the archive lacks %s: %w", path.Base(missing.Path), fs.ErrNotExist)
	}
	return api.Errorf(api.ErrCorrupt, "%s", archivePath().ReplaceAllString(err.Error(), ""))
}

var archivePath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:docker-archive|oci):/[^ ]*: `) })
