// Package hostcheck finds out whether this host and this user can run containers, and names the remedy for what is
// missing. It reads files of /proc, /sys and /etc and starts child processes; it changes nothing that outlasts them, gets no
// agent, and must not start the engine.
package hostcheck

import "fmt"

// Agent is the name of the finding about the agent's binary.
const Agent = "agent"

// Finding is one thing that containers need or use, and what Check found. dockertest.Finding documents the fields.
type Finding struct {
	Name     string
	OK       bool
	Required bool
	Problem  string
	Fix      string
}

// String is one line, or two with the remedy.
func (f Finding) String() string {
	if f.OK {
		return "ok       " + f.Name
	}
	kind := "limited  "
	if f.Required {
		kind = "MISSING  "
	}
	return fmt.Sprintf("%s%s: %s\n         fix it with: %s", kind, f.Name, f.Problem, f.Fix)
}
