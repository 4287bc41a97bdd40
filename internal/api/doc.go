// Package api is what an owner's packages and its agent say to each other: the routes of requests, the bodies that are
// more than a public option struct, events, frames and errors. All of it stands here once, and both sides use it. Most
// bodies are the public option structs themselves, as JSON: owner and agent are of one version, so there is nothing to
// translate.
//
// It may import the standard library alone, and touches nothing outside the process.
package api

// Protocol changes whenever the two sides would no longer understand each other.
const Protocol = "2"

// Hello is the agent's first line on the lifeline: where it listens, or why it can't work.
type Hello struct {
	Protocol string `json:"protocol"`
	Version  string `json:"version"`
	Socket   string `json:"socket,omitempty"` // the unix socket that it serves
	Err      *Error `json:"err,omitempty"`
	// Trials are the results of RoleTrial.
	Trials []Trial `json:"trials,omitempty"`
}

// Log is each further line on the lifeline: a record for the owner's slog.Logger.
type Log struct {
	Level   int            `json:"level"` // slog.Level
	Message string         `json:"message"`
	Attrs   map[string]any `json:"attrs,omitempty"`
}

// Config starts an agent; it travels in an environment variable.
type Config struct {
	Role      string   `json:"role"` // one of the constants below
	Root      string   `json:"root"`
	RunRoot   string   `json:"runRoot"`
	ReadOnly  []string `json:"readOnly,omitempty"`  // further stores' directories of containers/storage
	Container string   `json:"container,omitempty"` // RoleDetached: the container to start
	Debug     bool     `json:"debug,omitempty"`
}

// The roles of an agent.
const (
	RoleOwner    = "owner"    // lives as long as the process at the other end of the lifeline
	RoleDetached = "detached" // lives as long as its container runs

	RoleTrial      = "trial"       // tries what a container needs, says so in its hello, and ends
	RoleTrialChild = "trial-child" // a part of that
)

// Trial is something that the start of a container needs, and why it does not work; empty if it does.
type Trial struct {
	Name string `json:"name"`
	Err  string `json:"err,omitempty"`
}

// The names of trials.
const (
	TrialMounts     = "mounts"     // a file system in memory, in a mount namespace
	TrialOverlay    = "overlay"    // an overlay of directories in memory
	TrialNamespaces = "namespaces" // pid, ipc and uts, with a host name
	TrialProc       = "proc"       // proc in a pid namespace
	TrialNetns      = "netns"      // a network namespace
	TrialNetwork    = "network"    // a bridge with a pair of interfaces, and a packet socket on it
	TrialSeccomp    = "seccomp"    // a filter
)

// EnvConfig carries the Config to a new agent; EnvHook tells its early hook what it is.
const (
	EnvConfig = "CAISSON_AGENT_CONFIG"
	EnvHook   = "CAISSON_HOOK"
)

// AgentArg0 is argv[0] of an agent.
const AgentArg0 = "caisson-agent"

// The values of EnvHook.
const (
	HookUserNS = "userns" // in a fresh user namespace: wait for the id maps, then execute again
	HookAgent  = "agent"
)

// LifelineFD and MapsFD are the descriptors that an agent inherits.
const (
	LifelineFD = 3
	MapsFD     = 4
)
