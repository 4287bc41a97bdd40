package agentbin

import (
	"slices"

	"github.com/caisson-dev/caisson/internal/version"
)

// EnvAgent names an agent's binary, instead of the search for one.
const EnvAgent = "CAISSON_AGENT"

// EnvSource says where an agent may come from, as a list of Sources.
const EnvSource = "CAISSON_AGENT_SOURCE"

// InitSuffix is what the name of the small binary for containers' inits has behind the agent's. Without it an agent works,
// and is slower.
const InitSuffix = "-init"

// suffixes of the binaries that are built together, the agent last: what is at its path is whole.
var suffixes = []string{InitSuffix, ""}

// program is the name of the agent's binary where it is installed.
const program = "caisson-agent"

// BuildTags are what the agent's upstream modules need to compile without the headers of gpgme and btrfs.
const BuildTags = "containers_image_openpgp,exclude_graphdriver_btrfs"

// Names are the names of the binaries of an agent, which is the last.
func Names() (names []string) {
	for _, suffix := range suffixes {
		names = append(names, program+suffix)
	}
	return names
}

// PrebuiltModule is the path of the module that has the agent for an architecture.
func PrebuiltModule(arch string) string { return "github.com/caisson-dev/agent-linux-" + arch }

// install is the command that installs an agent of a version.
func install(src version.Source) string {
	at := src.Version
	if !src.Release {
		at = "latest"
	}
	return "CGO_ENABLED=1 go install -tags " + BuildTags + " " + version.AgentModule + "/cmd/...@" + at
}

// Sources, in the order in which they are tried. What is linked in, what EnvAgent names and what an allowed source has
// left in the cache comes before all of them.
const (
	FromPath     = "path"     // caisson-agent on PATH
	FromDownload = "download" // the prebuilt one of a release
	FromBuild    = "build"    // compiled by the Go toolchain
)

var allSources = []string{FromPath, FromDownload, FromBuild}

// none forbids all sources.
const none = "none"

func known(source string) bool { return slices.Contains(allSources, source) }
