package storage

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/manifest"
)

// after yields the items that sort after start.
func after(items []string, start string, err error) iter.Seq2[string, error] {
	if err != nil {
		return ociregistry.ErrorSeq[string](err)
	}
	slices.Sort(items)
	i, found := slices.BinarySearch(items, start)
	if found {
		i++
	}
	return ociregistry.SliceSeq(items[i:])
}

// Repositories implements ociregistry.Lister.
func (d *Dir) Repositories(_ context.Context, start string) iter.Seq2[string, error] {
	repos, err := d.repositories()
	return after(repos, start, err)
}

func (d *Dir) repositories() ([]string, error) {
	root := filepath.Join(d.root, "repos")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), "_") {
			return err
		}
		if e.Name() == "_manifests" || e.Name() == "_blobs" {
			rel, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			seen[filepath.ToSlash(rel)] = true
		}
		return fs.SkipDir
	})
	repos := make([]string, 0, len(seen))
	for repo := range seen {
		repos = append(repos, repo)
	}
	return repos, err
}

// Tags implements ociregistry.Lister.
func (d *Dir) Tags(_ context.Context, repo, start string) iter.Seq2[string, error] {
	if err := d.known(repo); err != nil {
		return ociregistry.ErrorSeq[string](err)
	}
	tags, err := d.tags(repo)
	return after(tags, start, err)
}

func (d *Dir) tags(repo string) ([]string, error) {
	names, err := readDir(d.repoPath(repo, "_tags"))
	tags := make([]string, 0, len(names))
	for _, name := range names {
		if tag, ok := tagOfFile(name); ok {
			tags = append(tags, tag)
		}
	}
	return tags, err
}

// Referrers implements ociregistry.Lister. A subject that is not there has the referrers that were pushed for it.
func (d *Dir) Referrers(_ context.Context, repo string, subject ociregistry.Digest, artifactType string) iter.Seq2[ociregistry.Descriptor, error] {
	if err := errors.Join(checkDigest(subject), CheckRepository(repo)); err != nil {
		return ociregistry.ErrorSeq[ociregistry.Descriptor](err)
	}
	all, err := digests(d.linkPath(repo, "_referrers", subject))
	if err != nil {
		return ociregistry.ErrorSeq[ociregistry.Descriptor](err)
	}
	slices.Sort(all)
	return func(yield func(ociregistry.Descriptor, error) bool) {
		for _, dig := range all {
			desc, data, err := d.manifest(repo, dig)
			if errors.Is(err, ociregistry.ErrManifestUnknown) || errors.Is(err, ociregistry.ErrNameUnknown) {
				continue
			}
			m, err2 := manifest.Parse(desc.MediaType, data)
			if err := errors.Join(err, err2); err != nil {
				yield(desc, err)
				return
			}
			r := m.Descriptor(dig, desc.Size)
			if (artifactType == "" || artifactType == r.ArtifactType) && !yield(r, nil) {
				return
			}
		}
	}
}
