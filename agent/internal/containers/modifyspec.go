//go:build linux

package containers

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/answer"
	"github.com/caisson-dev/caisson/internal/api"
)

// createModified is create with the owner's ModifySpec between the making of the container and its record.
func (s *Service) createModified(w http.ResponseWriter, r *http.Request) {
	var opts container.Options
	if err := wire.Decode(r.Body, &opts); err != nil {
		wire.Fail(w, err)
		return
	}
	conn, br, err := answer.Upgrade(w)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer conn.Close()
	fw := api.NewFrameWriter(conn)
	ctx, ask := wire.Asker(fw, br, api.Spec)
	modify := func(before *specs.Spec) (*specs.Spec, error) {
		var after specs.Spec
		return &after, ask(before, &after)
	}
	made, err := s.make(ctx, opts, func(rec *records.Record) error { return s.modify(rec, modify) })
	// The owner is gone when these fail.
	if err != nil {
		_ = fw.JSON(api.Failure, api.ToError(err))
		return
	}
	s.emitCreate(made)
	_ = fw.JSON(api.Exit, made)
}

// modify makes the specification as Start would, shows it, and keeps what comes back.
func (s *Service) modify(rec *records.Record, f func(*specs.Spec) (*specs.Spec, error)) (err error) {
	rootfs, err := s.Images.Storage().Mount(rec.ID, "")
	if err != nil {
		return fmt.Errorf("mount the root file system: %w", err)
	}
	defer func() { err = errors.Join(err, s.unmount(rec.ID)) }()
	in, err := s.launch.Plan(&rec.Container, rootfs)
	if err != nil {
		return err
	}
	defer in.Close()
	before, err := spec.New(in.Input)
	if err != nil {
		return err
	}
	after, err := f(before)
	if err != nil {
		return err
	}
	m := spec.Modification{Before: before, After: after}
	if err := m.Validate(); err != nil {
		return err
	}
	return s.records.Save(rec, records.SpecFile, m)
}

// modified is the specification that a run uses: what ModifySpec made, with the places that are new at each start.
func (s *Service) modified(id string, fresh *specs.Spec) (*specs.Spec, error) {
	var m spec.Modification
	if err := s.records.Load(id, records.SpecFile, &m); errors.Is(err, api.ErrNotFound) {
		return fresh, nil
	} else if err != nil {
		return nil, err
	}
	return m.Renew(fresh), nil
}
