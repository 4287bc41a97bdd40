//go:build linux

package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// modification is what Options.ModifySpec made of a specification: spec.json in the container's directory.
type modification struct {
	Before *specs.Spec `json:"before"`
	After  *specs.Spec `json:"after"`
}

const specFile = "spec.json"

// createModified is create with the owner's ModifySpec between the making of the container and its record.
func (s *Service) createModified(w http.ResponseWriter, r *http.Request) {
	var opts container.Options
	if err := wire.Decode(r.Body, &opts); err != nil {
		wire.Fail(w, err)
		return
	}
	conn, br, err := wire.Hijack(w)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	answers := make(chan []byte, 1)
	go func() {
		defer cancel() // the owner is gone, or its ModifySpec failed
		fr := api.NewFrameReader(br)
		for {
			kind, p, err := fr.Next()
			if err != nil || kind == api.Failure {
				return
			}
			if kind == api.Spec && len(answers) == 0 {
				answers <- slices.Clone(p)
			}
		}
	}()
	fw := api.NewFrameWriter(conn)
	made, err := s.make(ctx, opts, func(before *specs.Spec) (*specs.Spec, error) {
		if err := fw.JSON(api.Spec, before); err != nil {
			return nil, err
		}
		select {
		case p := <-answers:
			var after specs.Spec
			return &after, json.Unmarshal(p, &after)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	})
	// The owner is gone when these fail.
	if err != nil {
		_ = fw.JSON(api.Failure, api.ToError(err))
		return
	}
	s.emitCreate(made)
	_ = fw.JSON(api.Exit, made)
}

// modify makes the specification as Start would, shows it, and keeps what comes back.
func (s *Service) modify(rec *Record, f func(*specs.Spec) (*specs.Spec, error)) (err error) {
	rootfs, err := s.Images.Storage().Mount(rec.ID, "")
	if err != nil {
		return fmt.Errorf("mount the root file system: %w", err)
	}
	defer func() { err = errors.Join(err, s.unmount(rec.ID)) }()
	in := s.newInputs(rec, rootfs)
	in.plan = true
	defer in.close(s.Logger)
	if err := in.fill(s); err != nil {
		return err
	}
	before, err := newSpec(in.specInput)
	if err != nil {
		return err
	}
	after, err := f(before)
	if err != nil {
		return err
	}
	if after.Root == nil || after.Process == nil || after.Linux == nil || after.Linux.Resources == nil || len(after.Process.Args) == 0 {
		return invalid("Options.ModifySpec: it took Root, Process, its Args, Linux or its Resources away: the engine needs them")
	}
	return s.save(rec, specFile, modification{before, after})
}

// modified is the specification that a run uses: what ModifySpec made, with the places that are new at each start.
func (s *Service) modified(id string, fresh *specs.Spec) (*specs.Spec, error) {
	var m modification
	if err := s.load(id, specFile, &m); errors.Is(err, api.ErrNotFound) {
		return fresh, nil
	} else if err != nil {
		return nil, err
	}
	return m.renew(fresh), nil
}

func (m modification) renew(fresh *specs.Spec) *specs.Spec {
	out := m.After
	if out.Root.Path == m.Before.Root.Path {
		out.Root.Path = fresh.Root.Path
	}
	for i, ns := range out.Linux.Namespaces {
		if slices.Contains(m.Before.Linux.Namespaces, ns) {
			for _, f := range fresh.Linux.Namespaces {
				if f.Type == ns.Type {
					out.Linux.Namespaces[i].Path = f.Path
				}
			}
		}
	}
	for i, mount := range out.Mounts {
		same := func(other specs.Mount) bool {
			return other.Destination == mount.Destination && other.Source == mount.Source
		}
		if slices.ContainsFunc(m.Before.Mounts, same) {
			for _, f := range fresh.Mounts {
				if f.Destination == mount.Destination {
					out.Mounts[i].Source = f.Source
				}
			}
		}
	}
	return out
}
