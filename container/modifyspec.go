package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/internal/api"
)

// createModified is Create in two steps: the agent sends the specification that it would use, and gets it back as
// ModifySpec leaves it. A connection that breaks in between undoes the first step.
func (e *Engine) createModified(ctx context.Context, opts Options) (ref api.Created, err error) {
	conn, err := e.c.Upgrade(ctx, api.ContainerCreateModified, opts)
	if err != nil {
		return ref, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = api.Ended(ctx)
		}
	}()
	fr, fw := api.NewFrameReader(conn), api.NewFrameWriter(conn)
	for {
		kind, p, err := fr.Next()
		if err != nil {
			return ref, broken(ctx, e.c, err)
		}
		switch kind {
		case api.Spec:
			b, err := modified(p, opts.ModifySpec)
			if err == nil {
				err = context.Cause(ctx) // given up meanwhile: the agent must not go on
			}
			if err != nil {
				return ref, giveUp(fr, fw, err)
			}
			if err := fw.Frame(api.Spec, b); err != nil {
				return ref, err
			}
		case api.Exit:
			return ref, json.Unmarshal(p, &ref)
		case api.Failure:
			return ref, failure(p)
		}
	}
}

// giveUp returns when the agent has undone what it had made.
func giveUp(fr *api.FrameReader, fw *api.FrameWriter, reason error) error {
	if err := fw.Frame(api.Failure, nil); err != nil {
		return errors.Join(reason, err)
	}
	for {
		if kind, _, err := fr.Next(); err != nil || kind == api.Failure {
			return reason
		}
	}
}

func modified(p []byte, modify func(*specs.Spec) error) ([]byte, error) {
	var spec specs.Spec
	if err := json.Unmarshal(p, &spec); err != nil {
		return nil, fmt.Errorf("specification from the agent: %w", err)
	}
	if err := modify(&spec); err != nil {
		return nil, fmt.Errorf("Options.ModifySpec: %w", err)
	}
	b, err := json.Marshal(spec)
	if err == nil && len(b) > api.MaxFrame {
		err = api.Errorf(ErrInvalidArgument, "Options.ModifySpec: the specification has %d bytes: it must have at most %d", len(b), api.MaxFrame)
	}
	return b, err
}
