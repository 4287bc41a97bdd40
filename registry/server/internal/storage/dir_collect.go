package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/manifest"
)

// Collect implements Store. It waits for writers and keeps new ones waiting, in all processes.
func (d *Dir) Collect(ctx context.Context, o CollectOptions) (Collected, error) {
	done, err := d.exclusive()
	if err != nil {
		return Collected{}, err
	}
	defer done()
	c := dirCollector{d: d, o: o, now: time.Now(), live: map[ociregistry.Digest]bool{}}
	repos, err := d.allRepositories()
	if err != nil {
		return c.did, err
	}
	for _, repo := range repos {
		if err := errors.Join(ctx.Err(), c.repository(repo)); err != nil {
			return c.did, err
		}
	}
	if err := c.content(ctx); err != nil {
		return c.did, err
	}
	return c.did, d.removeStaleTemp()
}

type dirCollector struct {
	d    *Dir
	o    CollectOptions
	now  time.Time
	live map[ociregistry.Digest]bool // content that a repository has
	did  Collected
}

func (c *dirCollector) old(path string, age time.Duration) bool {
	info, err := os.Stat(path)
	return err == nil && c.now.Sub(info.ModTime()) >= age
}

// allRepositories also lists those that have nothing but uploads.
func (d *Dir) allRepositories() ([]string, error) {
	root := filepath.Join(d.root, "repos")
	var repos []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), "_") {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if repo := filepath.ToSlash(rel); !slices.Contains(repos[max(0, len(repos)-1):], repo) {
			repos = append(repos, repo)
		}
		if err == nil {
			err = fs.SkipDir
		}
		return err
	})
	return repos, err
}

func (c *dirCollector) repository(repo string) error {
	dead, err := c.d.removeDeadUploads(repo, c.now)
	if c.did.Uploads += dead; err != nil {
		return err
	}
	if c.o.Untagged {
		if err := c.untagged(repo); err != nil {
			return err
		}
	}
	used, err := c.manifests(repo)
	if err != nil {
		return err
	}
	blobs, err := digests(c.d.repoPath(repo, "_blobs"))
	if err != nil {
		return err
	}
	for _, dig := range blobs {
		link := c.d.linkPath(repo, "_blobs", dig)
		if used[dig] || !c.old(link, c.o.Grace) {
			c.live[dig] = true
			continue
		}
		if err := remove(link); err != nil {
			return err
		}
	}
	c.prune(c.d.repoPath(repo))
	return nil
}

// manifests marks the manifests of the repository live and returns the blobs they use.
func (c *dirCollector) manifests(repo string) (map[ociregistry.Digest]bool, error) {
	all, err := digests(c.d.repoPath(repo, "_manifests"))
	used := map[ociregistry.Digest]bool{}
	for _, dig := range all {
		desc, data, err := c.d.manifest(repo, dig)
		if err != nil {
			return nil, err
		}
		c.live[dig] = true
		m, err := manifest.Parse(desc.MediaType, data)
		if err != nil {
			return nil, err
		}
		for _, b := range m.Blobs() {
			used[b.Digest] = true
		}
	}
	return used, err
}

// untagged removes the old manifests that no tag reaches.
func (c *dirCollector) untagged(repo string) error {
	all, err := digests(c.d.repoPath(repo, "_manifests"))
	if err != nil {
		return err
	}
	tags, err := c.d.tags(repo)
	if err != nil {
		return err
	}
	var roots []ociregistry.Digest
	for _, tag := range tags {
		if dig, err := c.d.resolveTag(repo, tag); err == nil {
			roots = append(roots, dig)
		}
	}
	for _, dig := range all {
		if !c.old(c.d.linkPath(repo, "_manifests", dig), c.o.Grace) {
			roots = append(roots, dig)
		}
	}
	parsed := map[ociregistry.Digest]manifest.Manifest{}
	for _, dig := range all {
		desc, data, err := c.d.manifest(repo, dig)
		if err != nil {
			return err
		}
		if parsed[dig], err = manifest.Parse(desc.MediaType, data); err != nil {
			return err
		}
	}
	live := reachable(roots, parsed)
	for _, dig := range all {
		if live[dig] {
			continue
		}
		if err := c.d.deleteManifest(repo, dig); err != nil {
			return err
		}
		c.did.Manifests++
	}
	return nil
}

// reachable are the manifests that roots reach: children of an index, and referrers of what is reached.
func reachable(roots []ociregistry.Digest, all map[ociregistry.Digest]manifest.Manifest) map[ociregistry.Digest]bool {
	referrers := map[ociregistry.Digest][]ociregistry.Digest{}
	for dig, m := range all {
		if m.Subject != nil {
			referrers[m.Subject.Digest] = append(referrers[m.Subject.Digest], dig)
		}
	}
	live := map[ociregistry.Digest]bool{}
	for len(roots) > 0 {
		dig := roots[len(roots)-1]
		roots = roots[:len(roots)-1]
		if live[dig] {
			continue
		}
		live[dig] = true
		roots = append(roots, referrers[dig]...)
		for _, child := range all[dig].Children() {
			roots = append(roots, child.Digest)
		}
	}
	return live
}

// content removes what no repository has.
func (c *dirCollector) content(ctx context.Context) error {
	return filepath.WalkDir(filepath.Join(c.d.root, "blobs"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		rel, err := filepath.Rel(filepath.Join(c.d.root, "blobs"), path)
		if err != nil {
			return err
		}
		parts := strings.Split(filepath.ToSlash(rel), "/")
		dig := ociregistry.Digest(parts[0] + ":" + parts[len(parts)-1])
		if c.live[dig] || !c.old(path, c.o.Grace) {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if err := remove(path); err != nil {
			return err
		}
		c.did.Blobs++
		c.did.Bytes += info.Size()
		return nil
	})
}

// prune removes the empty directories of a repository. No writer makes any meanwhile: all of them hold the lock shared.
func (c *dirCollector) prune(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() && (strings.HasPrefix(e.Name(), "_") || strings.HasPrefix(filepath.Base(filepath.Dir(dir)), "_") || strings.HasPrefix(filepath.Base(dir), "_")) {
			c.prune(filepath.Join(dir, e.Name()))
		}
	}
	_ = os.Remove(dir) // fails, as it should, when the directory is not empty
}
