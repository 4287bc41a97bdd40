package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/internal/version"
)

// EnvAgent names an agent's binary, instead of the search for one.
const EnvAgent = "CAISSON_AGENT"

// InitSuffix and CopierSuffix are what the names of the small binaries for containers' inits and for the copiers of
// builds have behind the agent's. Without them an agent works, and is slower.
const (
	InitSuffix   = "-init"
	CopierSuffix = "-copier"
)

// suffixes of the binaries that are built together, the agent last: what is at its path is whole.
var suffixes = []string{InitSuffix, CopierSuffix, ""}

// BuildTags are what the agent's upstream modules need to compile without the headers of gpgme and btrfs.
const BuildTags = "containers_image_openpgp,exclude_graphdriver_btrfs"

// binary is where an agent was found.
type binary struct {
	path   string
	how    string
	linked bool
	named  bool // by CAISSON_AGENT: a development build is accepted
}

// find returns the agent's binary: linked in, named, cached, installed or built now, whichever comes first.
func find() (binary, version.Source, error) {
	src, err := version.Client()
	if err != nil {
		return binary{}, src, err
	}
	if version.Linked {
		src.Version = version.Agent()
		return binary{path: "/proc/self/exe", how: "linked in", linked: true}, src, nil
	}
	if p := os.Getenv(EnvAgent); p != "" {
		if _, err := os.Stat(p); err != nil {
			return binary{}, src, fmt.Errorf("agent named by %s: %w", EnvAgent, err)
		}
		return binary{path: p, how: EnvAgent, named: true}, src, nil
	}
	cached, cacheErr := cachePath(src)
	if cacheErr == nil {
		if _, err := os.Stat(cached); err == nil {
			touch(cached)
			return binary{path: cached, how: "cache"}, src, nil
		}
	}
	if p, err := exec.LookPath("caisson-agent"); err == nil && versionOf(p) == src.Version {
		return binary{path: p, how: "PATH"}, src, nil
	}
	err = cacheErr
	if err == nil {
		if err = build(src, cached); err == nil {
			return binary{path: cached, how: "built"}, src, nil
		}
	}
	return binary{}, src, notFound(src, cached, err)
}

func notFound(src version.Source, cached string, err error) error {
	at := src.Version
	if !src.Release {
		at = "latest"
	}
	return fmt.Errorf("no agent of version %s: not linked in (import _ %q), %s not set, not in the cache (%s), no caisson-agent of that version on PATH, and building it failed: %w: "+
		"install one with: CGO_ENABLED=1 go install -tags %s %s/cmd/...@%s",
		src.Version, version.AgentModule, EnvAgent, cached, err, BuildTags, version.AgentModule, at)
}

// cachePath is where this version's agent is kept for all programs of the user.
func cachePath(src version.Source) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("agent cache: %w", err)
	}
	name := "agent-" + strings.ReplaceAll(src.Version, "/", "_") + "-" + runtime.GOARCH
	return filepath.Join(dir, "caisson", name), nil
}

// touch marks an agent as used, for the clean-up of old ones.
func touch(path string) {
	if st, err := os.Stat(path); err == nil && time.Since(st.ModTime()) > 24*time.Hour {
		now := time.Now()
		for _, suffix := range suffixes {
			_ = os.Chtimes(path+suffix, now, now) // a read-only cache is not a reason to fail
		}
	}
}

// versionOf asks an agent's binary for its version.
func versionOf(path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// compatible says whether an agent that reports got can serve src.
func compatible(b binary, src version.Source, got string) error {
	if b.linked || got == src.Version || src.Version == version.Devel || (b.named && got == version.Devel) {
		return nil
	}
	return fmt.Errorf("agent %s (%s) has version %s, this program has %s: remove it or install the same version", b.path, b.how, got, src.Version)
}

var errNoSource = errors.New("the module's source is not on this machine")

// Agent returns the path of the agent's binary that this process would start, and builds it if need be.
func Agent() (string, error) {
	b, _, err := find()
	return b.path, err
}
