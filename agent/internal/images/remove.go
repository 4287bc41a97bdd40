package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handleRemove() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, in api.Request[image.RemoveOptions]) (image.RemoveResult, error) {
		return s.Remove(r.Context(), in.Ref, in.Options)
	})
}

// removing has the store for the caller alone until done, and the disk space that is kept for removals on a full disk.
func (s *Service) removing(ctx context.Context) (done func(), err error) {
	lock, err := s.layout.Exclusive(ctx)
	if err != nil {
		return nil, err
	}
	s.room.Use()
	return func() {
		s.room.Keep()
		lock.Unlock()
	}, nil
}

// Remove follows docker image rm: a name is taken away; the last name, or the id, takes the image along. Steps of
// builds that only this image was made of go with it.
func (s *Service) Remove(ctx context.Context, ref string, opts image.RemoveOptions) (image.RemoveResult, error) {
	var res image.RemoveResult
	done, err := s.removing(ctx)
	if err != nil {
		return res, err
	}
	defer done()
	img, err := s.Find(ctx, ref)
	if err != nil {
		return res, err
	}
	switch name := NameIn(img, ref); {
	case name != "" && !last(img.Names, name):
		if err := s.store.RemoveNames(img.ID, []string{name}); err != nil {
			return res, StoreError(ref, err)
		}
		s.Tell(container.EventUntag, img.ID, name)
		res.Untagged = []string{name}
		return res, nil
	case name == "" && !single(img.Names) && !opts.Force:
		return res, api.Errorf(api.ErrInUse, "remove image %s: it has several names (%s): remove those, or set Force",
			ref, strings.Join(slices.Sorted(slices.Values(img.Names)), ", "))
	}
	containers, mine, err := s.users(img, ref)
	if err != nil {
		return res, err
	}
	if len(mine) > 0 {
		return s.release(ctx, img, ref, containers, mine, opts.Force)
	}
	t, err := s.tree()
	if err != nil {
		return res, StoreError(ref, err)
	}
	if err := s.delete(t, img, &res); err != nil {
		return res, err
	}
	return res, s.deleteSteps(t, img, &res)
}

// last says whether the image has no name left without name. A name with a digest does not count beside a tag of the
// same repository: it came with that.
func last(names []string, name string) bool {
	return !slices.ContainsFunc(names, func(n string) bool {
		return n != name && (!strings.Contains(n, "@") || repoOf(n) != repoOf(name))
	})
}

// single says whether the names are one for a user, by the same rule.
func single(names []string) bool {
	return len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return last(names, n) })
}

// NameIn returns the name of img that ref spells, or "" when ref is an id.
func NameIn(img *storage.Image, ref string) string {
	named, err := Normalize(ref)
	if err != nil {
		return ""
	}
	if slices.Contains(img.Names, named.String()) {
		return named.String()
	}
	return ""
}

// users returns all containers, and the ids of those that are made of img.
func (s *Service) users(img *storage.Image, ref string) (all []storage.Container, mine []string, err error) {
	if all, err = s.store.Containers(); err != nil {
		return nil, nil, StoreError(ref, err)
	}
	for _, c := range all {
		if c.ImageID != img.ID {
			continue
		}
		if _, ok := working(&c); ok {
			return nil, nil, api.Errorf(api.ErrInUse, "remove image %s: a build works on it: wait for the build", ref)
		}
		mine = append(mine, c.ID)
	}
	return all, mine, nil
}

// untag takes an image's last names away. The image stays for its containers, and for a prune after them.
func (s *Service) untag(img *storage.Image) error {
	if err := s.markResult(img.ID); err != nil {
		return err
	}
	if err := s.store.RemoveNames(img.ID, img.Names); err != nil {
		return StoreError(img.ID, err)
	}
	for _, name := range img.Names {
		s.Tell(container.EventUntag, img.ID, name)
	}
	return nil
}

// release answers for an image that containers are made of: by force it loses its names and stays for them. By its id it
// is refused, too, if one of them runs, like docker rmi -f.
func (s *Service) release(ctx context.Context, img *storage.Image, ref string, all []storage.Container, mine []string, force bool) (res image.RemoveResult, err error) {
	if !force {
		return res, api.Errorf(api.ErrInUse, "remove image %s: %s: remove the container first, or set Force", ref, describeUsers(all, mine))
	}
	if NameIn(img, ref) == "" {
		running, err := s.containers.Running(ctx, mine)
		if err != nil {
			return res, fmt.Errorf("remove image %s: %w", ref, err)
		}
		if running != "" {
			return res, api.Errorf(api.ErrInUse, "remove image %s: container %s runs: stop it first", ref, running)
		}
	}
	res.Untagged = img.Names
	return res, s.untag(img)
}

func describeUsers(all []storage.Container, ids []string) string {
	var users []string
	for _, c := range all {
		if slices.Contains(ids, c.ID) {
			name := names.Short(c.ID)
			if len(c.Names) > 0 {
				name = c.Names[0]
			}
			users = append(users, name)
		}
	}
	if len(users) == 1 {
		return "container " + users[0] + " is made of it"
	}
	return "containers " + strings.Join(users, ", ") + " are made of it"
}

// delete removes the image and the layers that only it has.
func (s *Service) delete(t *tree, img *storage.Image, res *image.RemoveResult) error {
	if img.ReadOnly {
		return api.Errorf(api.ErrPermission, "remove image %s: it is in a read-only store: remove it there", names.Short(img.ID))
	}
	if open, err := s.opened(img.ID); err != nil {
		return err
	} else if open {
		return api.Errorf(api.ErrInUse, "remove image %s: a process has its file system open: close that first", names.Short(img.ID))
	}
	_, err := s.store.DeleteImage(img.ID, true)
	if errors.Is(err, storage.ErrLayerUnknown) && len(s.layout.ReadOnly) > 0 {
		err = nil // the last that upstream tries to remove is the read-only store's
	}
	if err != nil {
		return StoreError(img.ID, err)
	}
	for _, name := range img.Names {
		s.Tell(container.EventUntag, img.ID, name)
	}
	s.Tell(container.EventDelete, img.ID, "")
	res.Untagged = append(res.Untagged, img.Names...)
	res.Deleted = append(res.Deleted, "sha256:"+img.ID)
	t.drop(img)
	return nil
}

// deleteSteps removes the steps that a build made on the way to img, from the last to the first, up to one that
// another image or a container needs.
func (s *Service) deleteSteps(t *tree, img *storage.Image, res *image.RemoveResult) error {
	history := t.history(img)
	for {
		i := slices.IndexFunc(t.images, func(c storage.Image) bool {
			return t.stepOf(&c, history) && !s.busy(c.ID)
		})
		if i < 0 {
			return nil
		}
		if err := s.delete(t, &t.images[i], res); err != nil {
			return err
		}
	}
}
