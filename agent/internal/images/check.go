package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handleCheck() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, opts image.CheckOptions) (image.CheckResult, error) {
		return s.Check(r.Context(), opts)
	})
}

// Check looks for damage, and removes what has some if it is asked to.
func (s *Service) Check(ctx context.Context, opts image.CheckOptions) (image.CheckResult, error) {
	return Detachable(ctx, s.Store, "check the store", func() (res image.CheckResult, err error) {
		lock, err := s.layout.Exclusive(ctx)
		if err != nil {
			return res, err
		}
		defer lock.Unlock()
		// What dead processes left is not damage.
		if err := s.deleteOrphans(); err != nil {
			s.log.Warn("check the store: collect", "error", err)
		}
		how := storage.CheckEverything()
		how.LayerContents = false                            // verify does it
		how.LayerUnreferencedMaximumAge = new(time.Duration) // nobody is about to use one: the lock is exclusive
		report, err := s.store.Check(how)
		if err != nil {
			return res, fmt.Errorf("check the store: %w", err)
		}
		dropTrials(&report)
		if !opts.Quick {
			if err := s.verify(ctx, &report); err != nil {
				return res, fmt.Errorf("check the store: %w", err)
			}
		}
		others, err := s.containers.Damaged()
		if err != nil {
			return res, fmt.Errorf("check the store: %w", err)
		}
		res.Problems = merge(s.problems(&report), others)
		if !opts.Repair || len(res.Problems) == 0 {
			return res, nil
		}
		s.room.Use()
		defer s.room.Keep()
		if err := errors.Join(s.containers.Mend(ctx, others), s.repair(ctx, report)); err != nil {
			return res, fmt.Errorf("repair the store: %w", err)
		}
		res.Repaired = true
		return res, nil
	})
}

// dropTrials takes directories out of a report that have no layer's name: a process that was killed while the storage
// driver tried out what the kernel's overlay can do leaves one, such as volatile-check123. It is no damage.
func dropTrials(report *storage.CheckReport) {
	for id, errs := range report.Layers {
		unaccounted := !slices.ContainsFunc(errs, func(err error) bool { return !errors.Is(err, storage.ErrLayerUnaccounted) })
		if unaccounted && (len(id) != 64 || !hexID().MatchString(id)) {
			delete(report.Layers, id)
		}
	}
}

func (s *Service) problems(report *storage.CheckReport) []image.Problem {
	var out []image.Problem
	add := func(kind, prefix string, m map[string][]error, names func(id string) []string) {
		for id, errs := range m {
			p := image.Problem{Kind: kind, ID: prefix + id, Names: names(id)}
			for _, err := range errs {
				p.Details = append(p.Details, err.Error())
			}
			out = append(out, p)
		}
	}
	none := func(string) []string { return nil }
	add(image.ProblemLayer, "", report.Layers, none)
	add(image.ProblemLayer, "", report.ROLayers, none)
	byImage := func(id string) []string {
		if img, err := s.store.Image(id); err == nil {
			return img.Names
		}
		return nil
	}
	add(image.ProblemImage, "sha256:", report.Images, byImage)
	add(image.ProblemImage, "sha256:", report.ROImages, byImage)
	add(image.ProblemContainer, "", report.Containers, func(id string) []string {
		if c, err := s.store.Container(id); err == nil {
			return c.Names
		}
		return nil
	})
	return out
}

// merge joins what was found of the images with what was found of the containers, in the order of CheckResult.
func merge(problems, others []image.Problem) []image.Problem {
	for _, o := range others {
		same := func(p image.Problem) bool { return p.Kind == o.Kind && p.ID == o.ID }
		if i := slices.IndexFunc(problems, same); i >= 0 {
			problems[i].Names = o.Names // the storage container's are none
			problems[i].Details = append(problems[i].Details, o.Details...)
		} else {
			problems = append(problems, o)
		}
	}
	order := []string{image.ProblemLayer, image.ProblemImage, image.ProblemContainer, image.ProblemVolume, image.ProblemNetwork}
	slices.SortFunc(problems, func(a, b image.Problem) int {
		if n := slices.Index(order, a.Kind) - slices.Index(order, b.Kind); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return problems
}

// repair removes containers as the engine does, and the rest as the store does; then what nothing refers to any more.
func (s *Service) repair(ctx context.Context, report storage.CheckReport) error {
	for id := range report.Images {
		if s.busy(id) {
			return api.Errorf(api.ErrInUse, "image %s is damaged, and a process has its file system open: close that first", names.Short(id))
		}
	}
	var mine []string
	for id := range report.Containers {
		mine = append(mine, id)
	}
	if len(mine) > 0 {
		if err := s.containers.RemoveForImage(ctx, mine); err != nil {
			return err
		}
	}
	errs := s.store.Repair(report, storage.RepairEverything())
	// The engine's containers went through its own hands; what upstream could not do in one go, such as layers under
	// layers, goes now or is told.
	if err := s.deleteOrphans(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
