package images

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/inputs"
)

// BuildGo builds an image of a main package, and returns its name. The go command notes which files of the package and of what
// it imports the test has been made of.
//
// Errors: those of image.Store.BuildGo.
func BuildGo(ctx context.Context, eng *container.Engine, pkg string, opts image.GoOptions) (string, error) {
	name, err := goName(pkg, opts)
	if err != nil {
		return "", err
	}
	return builds.Do(ctx, name, func() (string, error) {
		before, _ := eng.Store().Get(ctx, name) // not there the first time
		noted := make(chan error, 1)
		go func() { noted <- inputs.Packages(ctx, opts.Dir, goEnv(opts), opts.Flags, pkg) }()
		opts.Tags = append([]string{name}, opts.Tags...)
		img, err := eng.Store().BuildGo(ctx, pkg, opts)
		if missed := <-noted; err == nil {
			err = missed
		}
		if err != nil {
			return "", err
		}
		if before != nil && before.ID != img.ID {
			_, _ = eng.Store().Remove(ctx, before.ID, image.RemoveOptions{}) // the source has changed; another test may still use it
		}
		return name, nil
	})
}

// goEnv is the environment of the go command as image.Store.BuildGo sets it, as far as it chooses files.
func goEnv(opts image.GoOptions) []string {
	arch := runtime.GOARCH
	if _, a, ok := strings.Cut(opts.Platform, "/"); ok {
		arch = a
	}
	return append(slices.Concat(os.Environ(), opts.Env), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
}

// goName is the same for the same package of the same directory, built in the same way.
func goName(pkg string, opts image.GoOptions) (string, error) {
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return "", err
	}
	files := opts.Files
	opts.Files, opts.Output = nil, nil
	o, err := json.Marshal(opts)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %s\n", dir, pkg, o)
	if files != nil {
		if err := inputs.Hash(h, files); err != nil {
			return "", err
		}
	}
	base := notInNames.ReplaceAllString(strings.ToLower(path.Base(filepath.ToSlash(filepath.Join(dir, pkg)))), "-")
	return fmt.Sprintf("%s/%s:%x", repository, strings.Trim("go-"+base, "-"), h.Sum(nil)[:8]), nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)
