package transfer

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/internal/api"
)

// maxManifest bounds a manifest or an index, as registries do (OCI distribution-spec, "Pushing Manifests").
const maxManifest = 4 << 20

// checkLayout looks at what upstream reads of an OCI layout without bounds or checks: index.json, the manifests that it
// names, and those that an index among them names. Links could lead to files of the host, or to /dev/zero.
func checkLayout(dir string) error {
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type().IsRegular() {
			return err
		}
		rel, _ := filepath.Rel(dir, p) // both are absolute
		return api.Errorf(api.ErrInvalidArgument, "%s is a link: an OCI layout has files only", rel)
	})
	if err != nil {
		return err
	}
	var index v1.Index
	if err := readManifest(dir, v1.ImageIndexFile, &index); err != nil {
		return err
	}
	for _, d := range index.Manifests {
		var inner v1.Index
		if err := checkManifest(dir, d, &inner); err != nil {
			return err
		}
		for _, d := range inner.Manifests {
			// A layout may have a part of an index's platforms only.
			if err := checkManifest(dir, d, nil); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func checkManifest(dir string, d v1.Descriptor, into *v1.Index) error {
	if err := d.Digest.Validate(); err != nil {
		return api.Errorf(api.ErrCorrupt, "the index names a manifest %.100q: %w", d.Digest, err)
	}
	name := path.Join(v1.ImageBlobsDir, d.Digest.Algorithm().String(), d.Digest.Encoded())
	b, err := readBounded(dir, name)
	if err != nil {
		return err
	}
	if got := d.Digest.Algorithm().FromBytes(b); got != d.Digest {
		return api.Errorf(api.ErrDigestMismatch, "Digest did not match: the manifest %s is %s: the archive is damaged", d.Digest, got)
	}
	if d.Size != int64(len(b)) {
		return api.Errorf(api.ErrCorrupt, "the index says that the manifest %s has %d bytes, and it has %d", d.Digest, d.Size, len(b))
	}
	if into == nil {
		return nil
	}
	return decode(name, b, into)
}

func readManifest(dir, name string, v any) error {
	b, err := readBounded(dir, name)
	if err != nil {
		return err
	}
	return decode(name, b, v)
}

func decode(name string, b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return api.Errorf(api.ErrCorrupt, "%s: %w", name, err)
	}
	return nil
}

func readBounded(dir, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, api.Errorf(api.ErrCorrupt, "the archive lacks %s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxManifest {
		return nil, api.Errorf(api.ErrCorrupt, "%s has more than %d MiB", name, maxManifest>>20)
	}
	return b, nil
}
