package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// GoOptions tune BuildGo. The zero value makes an image that has only the program.
type GoOptions struct {
	// Dir is the directory in which the go command runs. Default: the working directory.
	Dir string
	// Tags are the names that the image gets. Default: none.
	Tags []string
	// Base is the image to build on. Default: none; the image has no shell.
	Base string
	// User is the user that the program runs as: uid, uid:gid, or a name of Base. Default: root.
	User string
	// CACerts adds the root certificates of this machine, which a TLS client needs.
	CACerts bool
	// Files are put into the image, each at its path from the root. Default: none.
	Files fs.FS
	// Platform is the platform to build for, such as linux/arm64. Default: linux and the architecture of the host.
	Platform string
	// Flags are flags of go build, such as -ldflags=-X=main.version=1 or -tags=x. Default: none.
	Flags []string
	// Env is added to the environment of the go command. CGO_ENABLED is always 0.
	Env []string
	// Labels are the labels of the image. Default: none.
	Labels map[string]string
	// Output gets what the go command prints, and the steps of the build. Default: it is discarded.
	Output io.Writer
}

// BuildGo compiles a main package and makes an image that runs it, without a Dockerfile. The package is an import path,
// or a directory such as ./cmd/server. The program is static. It is the file /app/NAME, where NAME is the last
// element of the import path, and the ENTRYPOINT of the image: the Cmd of a container has its arguments.
//
// The same source gives the same image, in whichever directory it lies: the time of creation and the times of files are
// those of 1970, or of SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/).
//
// Errors: *BuildError, which matches ErrBuildStep, when the package does not compile; those of Build.
func (s *Store) BuildGo(ctx context.Context, pkg string, opts GoOptions) (*Image, error) {
	goos, goarch, err := opts.platform()
	if err != nil {
		return nil, err
	}
	epoch, err := sourceDateEpoch()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "caisson-go-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name, err := opts.compile(ctx, pkg, filepath.Join(dir, "root", "app"), goos, goarch)
	if err != nil {
		return nil, err
	}
	if err := opts.addFiles(filepath.Join(dir, "root")); err != nil {
		return nil, err
	}
	return s.Build(ctx, BuildOptions{
		Context: os.DirFS(dir), DockerfileText: opts.dockerfile(name), Tags: opts.Tags, Labels: opts.Labels, Output: opts.Output,
		Platform: goos + "/" + goarch, Result: ResultOptions{Epoch: epoch},
	})
}

func (o GoOptions) platform() (goos, goarch string, err error) {
	if o.Platform == "" {
		return "linux", runtime.GOARCH, nil
	}
	parts := strings.Split(o.Platform, "/")
	if len(parts) != 2 || parts[0] != "linux" || parts[1] == "" {
		return "", "", api.Errorf(ErrInvalidArgument, "build of a Go package: platform %q: write it like linux/arm64, and set a variant with Env, such as GOARM=7", o.Platform)
	}
	return parts[0], parts[1], nil
}

func sourceDateEpoch() (time.Time, error) {
	v := os.Getenv("SOURCE_DATE_EPOCH")
	if v == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return time.Time{}, api.Errorf(ErrInvalidArgument, "SOURCE_DATE_EPOCH: %w: it must be a number of seconds", err)
	}
	return time.Unix(n, 0).UTC(), nil
}

// compile builds the package into dir, under its own name.
func (o GoOptions) compile(ctx context.Context, pkg, dir, goos, goarch string) (name string, err error) {
	env := append(slices.Concat(os.Environ(), o.Env), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	out, err := o.goTool(ctx, env, "list", "-f", "{{.Name}} {{.ImportPath}}", "--", pkg)
	if err != nil {
		return "", err
	}
	kind, importPath, _ := strings.Cut(strings.TrimSpace(out), " ")
	if kind != "main" || strings.ContainsAny(importPath, "\n ") {
		return "", api.Errorf(ErrInvalidArgument, "build of a Go package: %s is package %s: name one main package", pkg, strings.ReplaceAll(strings.TrimSpace(out), "\n", ", "))
	}
	name = path.Base(importPath)
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}
	_, err = o.goTool(ctx, env, slices.Concat(args, o.Flags, []string{"-o", filepath.Join(dir, name), "--", importPath})...)
	return name, err
}

func (o GoOptions) goTool(ctx context.Context, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = o.Dir, env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if o.Output != nil {
		cmd.Stderr = io.MultiWriter(&stderr, o.Output)
	}
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("go %s: %w", args[0], api.Ended(ctx))
	}
	be := &BuildError{Step: "go " + strings.Join(args, " "), Tail: strings.TrimSpace(stderr.String())}
	be.Message = fmt.Sprintf("go %s: %v", args[0], err)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		be.ExitCode = exit.ExitCode()
		be.Message += "\n" + be.Tail
	} else {
		be.Message += ": install Go, or put it on PATH"
	}
	return "", be
}

// caBundles are where distributions keep the roots of trust, as crypto/x509 looks for them.
var caBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
}

// addFiles copies what goes beside the program, with modes that do not depend on this process's umask.
func (o GoOptions) addFiles(root string) error {
	if o.CACerts {
		i := slices.IndexFunc(caBundles, func(p string) bool { _, err := os.Stat(p); return err == nil })
		if i < 0 {
			return api.Errorf(ErrUnsupported, "build of a Go package: this machine has no CA certificates (%s): install ca-certificates", strings.Join(caBundles, ", "))
		}
		b, err := os.ReadFile(caBundles[i])
		if err != nil {
			return err
		}
		to := filepath.Join(root, caBundles[0])
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			return err
		}
	}
	if o.Files != nil {
		if err := os.CopyFS(root, o.Files); err != nil {
			return fmt.Errorf("build of a Go package: Files: %w", err)
		}
	}
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if d.IsDir() || info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		return os.Chmod(p, mode)
	})
}

// dockerfile describes the image; Labels are the build's own.
func (o GoOptions) dockerfile(name string) string {
	base := o.Base
	if base == "" {
		base = "scratch"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "FROM %s\nCOPY root/ /\n", base)
	if o.User != "" {
		fmt.Fprintf(&b, "USER %s\n", o.User)
	}
	fmt.Fprintf(&b, "ENTRYPOINT [%q]\n", "/app/"+name)
	return b.String()
}
