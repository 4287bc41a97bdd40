package dockertest

import (
	"context"
	"errors"
	"testing"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/shared"
)

// Vol is a volume of a test: a directory that the test's containers share, or that one hands to the next.
//
//	data := dockertest.Volume(t)
//	dockertest.Run(t, "migrate", data.At("/data"), dockertest.WaitExit())
//	dockertest.Run(t, "app", data.At("/data"))
type Vol struct {
	name string
}

// Volume makes a volume that goes with the test. Nothing is in it: the first container that mounts it fills it with what
// its image has there, as in Docker. If a test binary is killed, the next one that makes a volume or a network
// removes what it left.
func Volume(t testing.TB) *Vol {
	t.Helper()
	v, err := newVolume(t)
	if err != nil {
		t.Fatalf("dockertest: volume: %v", err)
	}
	return v
}

func newVolume(t testing.TB) (*Vol, error) {
	eng, labels, err := owned(t)
	if err != nil {
		return nil, err
	}
	ctx, cancel := testContext(t)
	defer cancel()
	v, err := eng.CreateVolume(ctx, container.VolumeOptions{Name: shared.Name(t.Name()), Labels: labels})
	if err != nil {
		return nil, err
	}
	removeAtEnd(t, "volume", v.Name, func(ctx context.Context, name string) error {
		err := eng.RemoveVolume(ctx, name)
		if errors.Is(err, container.ErrNotFound) {
			return nil
		}
		return err
	})
	return &Vol{name: v.Name}, nil
}

// Name is the volume's, as container.Mount has it.
func (v *Vol) Name() string { return v.name }

// At is the option that mounts the volume at target.
func (v *Vol) At(target string) Option { return v.mount(target, false) }

// ReadOnlyAt is At for a container that may not write to the volume.
func (v *Vol) ReadOnlyAt(target string) Option { return v.mount(target, true) }

func (v *Vol) mount(target string, readOnly bool) Option {
	return optionFunc(func(s *settings) {
		s.owned = append(s.owned, "the volume "+v.name)
		s.opts.Mounts = append(s.opts.Mounts, container.Mount{
			Type: container.MountVolume, Source: v.name, Target: target, ReadOnly: readOnly})
	})
}
