package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/shared"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/flight"
	"github.com/caisson-dev/caisson/internal/inputs"
)

// repository is where the images of tests are.
const repository = "localhost/caisson-test"

var builds flight.Group[string]

// Build builds an image, if it is not there, and returns its name.
//
// Errors: those of image.Store.Build, with what it has written; that a context can't be read.
func Build(ctx context.Context, eng *container.Engine, opts image.BuildOptions) (string, error) {
	sum, err := contentHash(&opts)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s:%x", repository, sum)
	return builds.Do(ctx, name, func() (string, error) {
		unlock, err := shared.Lock(ctx, eng, fmt.Sprintf("build-%x", sum[:8]))
		if err != nil {
			return "", err
		}
		defer unlock()
		_, err = eng.Store().Get(ctx, name)
		if errors.Is(err, image.ErrNotFound) || opts.Cache.Disable {
			err = build(ctx, eng, name, opts)
		}
		return name, err
	})
}

func build(ctx context.Context, eng *container.Engine, name string, opts image.BuildOptions) error {
	opts.Tags = append([]string{name}, opts.Tags...)
	var out bytes.Buffer
	if opts.Output == nil {
		opts.Output = &out
	}
	_, err := eng.Store().Build(ctx, opts)
	var be *image.BuildError
	if err != nil && !errors.As(err, &be) && out.Len() > 0 { // a BuildError has what its step said
		err = fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out.Bytes()))
	}
	return err
}

// contentHash is of all that makes the image. A Tar is read for it, and put back.
func contentHash(opts *image.BuildOptions) (sum []byte, err error) {
	h := sha256.New()
	o, err := json.Marshal(opts) // without Context, Tar and Output
	if err != nil {
		return nil, err
	}
	h.Write(o)
	if opts.Tar != nil {
		data, err := io.ReadAll(opts.Tar)
		if err != nil {
			return nil, fmt.Errorf("read the context: %w", err)
		}
		h.Write(data)
		opts.Tar = bytes.NewReader(data)
	}
	if opts.Context != nil {
		if err := inputs.Hash(h, opts.Context); err != nil {
			return nil, fmt.Errorf("read the context: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(opts.Contexts.Files)) {
		fmt.Fprintf(h, "%q\n", name)
		if err := inputs.Hash(h, opts.Contexts.Files[name]); err != nil {
			return nil, fmt.Errorf("read the context %s: %w", name, err)
		}
	}
	return h.Sum(nil)[:16], nil
}
