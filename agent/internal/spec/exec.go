package spec

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/host"
)

// Command is another process that is to run in a container.
type Command struct {
	Args       []string
	Env        []string // added to the container's
	Dir        string   // default: the container's
	TTY        bool     // with a terminal
	Privileged bool     // with all capabilities, and without an AppArmor profile
}

// ValidateExec refuses what no process can be started with. who is the user; empty is the container's.
func ValidateExec(c Command, who string) error {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return invalid("exec: Args is empty: give a command")
	}
	return firstError(
		func() error { return validateArgs("exec: Args", c.Args) },
		func() error { return validateEnv("exec: Env", c.Env) },
		func() error { return validateDir("exec: Dir", c.Dir) },
		func() error { return validateUser("exec: User", who) },
	)
}

// Exec is the specification of a command by a user in a container, confined as first is: the container's first process,
// which Options.ModifySpec may have changed.
func (c *Container) Exec(cmd Command, user specs.User, home string, first *specs.Process, h host.Host) *specs.Process {
	set := []string{}
	if first.Capabilities != nil {
		set = first.Capabilities.Bounding
	}
	p := &specs.Process{
		Args: slices.Clone(cmd.Args), Env: mergeEnv(c.environment(home, cmd.TTY), cmd.Env), Cwd: orElse(cmd.Dir, c.Dir), User: user,
		Capabilities:    capabilities(set, user.UID == 0),
		NoNewPrivileges: first.NoNewPrivileges, ApparmorProfile: first.ApparmorProfile, SelinuxLabel: first.SelinuxLabel,
		Rlimits: first.Rlimits, OOMScoreAdj: first.OOMScoreAdj,
	}
	if cmd.Privileged {
		p.Capabilities = capabilities(h.Caps, user.UID == 0)
		p.ApparmorProfile = ""
	}
	return p
}
