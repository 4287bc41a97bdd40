package containers

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"

	docker "github.com/moby/moby/api/types/container"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/image"
)

// statHeader has the description of a path.
const statHeader = "X-Docker-Container-Path-Stat"

func describe(w http.ResponseWriter, info *container.FileInfo) error {
	text, err := json.Marshal(docker.PathStat{
		Name: info.Name, Size: info.Size, Mode: os.FileMode(info.Mode), Mtime: info.ModTime, LinkTarget: info.LinkTarget,
	})
	if err != nil {
		return err
	}
	w.Header().Set(statHeader, base64.StdEncoding.EncodeToString(text))
	return nil
}

// pathOf reads the container and the path.
func (s *Service) pathOf(r *wire.Request) (*container.Container, string, error) {
	path := r.Query("path")
	if path == "" {
		return nil, "", wire.BadRequest("bad parameter: 'path' cannot be empty")
	}
	c, err := s.Container(r.Context(), r.Name)
	return c, path, err
}

func pathError(r *wire.Request, path string, err error) error {
	switch {
	case errors.Is(err, container.ErrNotFound):
		return wire.NotFound("Could not find the file %s in container %s", path, r.Name)
	case errors.Is(err, container.ErrPermission):
		return wire.Errorf(http.StatusForbidden, "container rootfs is marked read-only: %w", err)
	}
	return err
}

func (s *Service) statArchive(w http.ResponseWriter, r *wire.Request) error {
	c, path, err := s.pathOf(r)
	if err != nil {
		return err
	}
	info, err := c.StatPath(r.Context(), path)
	if err != nil {
		return pathError(r, path, err)
	}
	if err := describe(w, info); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) archive(w http.ResponseWriter, r *wire.Request) error {
	c, path, err := s.pathOf(r)
	if err != nil {
		return err
	}
	tar, info, err := c.CopyFrom(r.Context(), path, container.CopyFromOptions{})
	if err != nil {
		return pathError(r, path, err)
	}
	defer tar.Close()
	if err := describe(w, info); err != nil {
		return err
	}
	return sendTar(w, tar)
}

// sendTar sends a stream, and breaks the connection if it is not complete, so that the client sees that.
func sendTar(w http.ResponseWriter, tar io.Reader) error {
	w.Header().Set("Content-Type", "application/x-tar")
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, tar); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (s *Service) extract(w http.ResponseWriter, r *wire.Request) error {
	c, path, err := s.pathOf(r)
	if err != nil {
		return err
	}
	body, err := decompressed(r.Body)
	if err != nil {
		return err
	}
	defer body.Close()
	// Read-only is the container's own; a client may put files into one that does not run, as in Docker it may not.
	err = c.CopyTo(r.Context(), path, body, container.CopyOptions{KeepOwner: true})
	if err != nil {
		return pathError(r, path, err)
	}
	return wire.Empty(w, http.StatusOK)
}

func (s *Service) export(w http.ResponseWriter, r *wire.Request) error {
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	tar, err := c.Export(r.Context())
	if err != nil {
		return err
	}
	defer tar.Close()
	return sendTar(w, tar)
}

// kinds are Docker's numbers of changes.
var kinds = map[container.ChangeKind]docker.ChangeType{
	container.ChangeModified: docker.ChangeModify, container.ChangeAdded: docker.ChangeAdd, container.ChangeDeleted: docker.ChangeDelete,
}

func (s *Service) changes(w http.ResponseWriter, r *wire.Request) error {
	c, err := s.Container(r.Context(), r.Name)
	if err != nil {
		return err
	}
	list, err := c.Diff(r.Context())
	if err != nil {
		return err
	}
	out := []docker.FilesystemChange{}
	for _, ch := range list {
		out = append(out, docker.FilesystemChange{Kind: kinds[ch.Kind], Path: ch.Path})
	}
	return wire.OK(w, out)
}

func (s *Service) commit(w http.ResponseWriter, r *wire.Request) error {
	var in docker.Config
	if err := r.Decode(&in, true); err != nil {
		return err
	}
	c, err := s.Container(r.Context(), r.Query("container"))
	if err != nil {
		return err
	}
	o := container.CommitOptions{
		Author: r.Query("author"), Message: r.Query("comment"), NoPause: !r.BoolOr("pause", true),
		Changes: append(configChanges(&in), r.All("changes")...),
	}
	if repo := r.Query("repo"); repo != "" {
		if tag := r.Query("tag"); tag != "" {
			repo += ":" + tag
		}
		o.Tags = []string{repo}
	}
	img, err := c.Commit(r.Context(), o)
	switch {
	case errors.Is(err, container.ErrNotFound):
		return backend.NoContainer(r.Query("container"))
	case errors.Is(err, image.ErrInvalidReference):
		return wire.BadRequest("invalid reference format: %w", err)
	case err != nil:
		return err
	}
	wire.Reply(w, http.StatusCreated, docker.CommitResponse{ID: img.ID})
	return nil
}
