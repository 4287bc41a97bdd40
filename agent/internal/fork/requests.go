//go:build linux

package fork

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// Requests answers what is asked about forks.
type Requests struct {
	Records *records.Store
	Storage func() Store
	// Make makes a container, and calls finish before it is one.
	Make func(ctx context.Context, opts container.Options, finish func(*records.Record) error) (api.Created, error)
	// Quiet calls f while a container holds still.
	Quiet func(ctx context.Context, id string, f func() error) error
	// Volume is the directory of a volume's content.
	Volume func(name string) string
	// Created tells all who follow the store's events.
	Created func(api.Created)
}

// Fork makes a container with the files of another.
func (q *Requests) Fork(r *http.Request, want container.ForkOptions) (api.Created, error) {
	of, err := q.Records.Record(r.PathValue("id"))
	if err != nil {
		return api.Created{}, err
	}
	if q.Records.Has(of.ID, records.SpecFile) {
		return api.Created{}, api.Errorf(api.ErrUnsupported, "fork container %s: it has Options.ModifySpec, whose result is for it alone: "+
			"commit it, and create a container of the image", names.Short(of.ID))
	}
	ctx := r.Context()
	made, err := q.Make(ctx, Options(of.Options, of.ImageID, want), func(rec *records.Record) error {
		rec.Options.Image = of.Options.Image
		if err := q.Records.SaveRecord(rec); err != nil {
			return err
		}
		return q.Quiet(ctx, of.ID, func() error { return q.copy(ctx, of, rec) })
	})
	if err == nil {
		q.Created(made)
	}
	return made, err
}

// copy makes the files of one container those of another, which is new.
func (q *Requests) copy(ctx context.Context, of, rec *records.Record) error {
	from, err := upper(q.Storage(), of.ID)
	var to string
	if err == nil {
		to, err = upper(q.Storage(), rec.ID)
	}
	pairs := append(volumes(of.Mounts, rec.Mounts, rec.Volumes, q.Volume), pair{from, to})
	for _, p := range pairs {
		if err == nil {
			err = Tree(ctx, p.from, p.to)
		}
	}
	for _, p := range pairs {
		if err == nil && rec.Durable() {
			err = sync(p.to)
		}
	}
	switch {
	case err == nil:
		return nil
	case !q.Records.Exists(of.ID):
		return records.NotFound(of.ID)
	case errors.Is(err, context.Canceled):
		return err
	}
	return fmt.Errorf("fork container %s: %w", names.Short(of.ID), err)
}
