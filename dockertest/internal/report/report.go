// Package report says what a test that failed is told of its container: how it ended, what may be missing, how to run one
// like it, when each of its steps ended, and a directory with all of it.
//
// It is pure, but for Bundle, which asks the engine and writes files. It knows no test and no fixture.
package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// HowEnded is such as "exited with code 1 after 200ms".
func HowEnded(st container.State) string {
	how := fmt.Sprintf("exited with code %d", st.ExitCode)
	if st.Signal != "" {
		how = "was ended by " + st.Signal
	}
	if st.OOMKilled {
		how += ", because it reached its memory limit (Resources.Memory),"
	}
	if !st.Started.IsZero() && st.Finished.After(st.Started) {
		how += fmt.Sprintf(" after %v", st.Finished.Sub(st.Started).Round(time.Millisecond))
	}
	if st.Error != "" {
		how += ": " + st.Error
	}
	return how
}

// Hint says what may be missing when a container that speaks of this machine does not become ready.
func Hint(o container.Options, log []string) string {
	if len(o.Networking.HostPorts) > 0 || o.Networking.AllHostPorts {
		return ""
	}
	for _, said := range [][]string{o.Env, o.Entrypoint, o.Cmd, log} {
		for _, s := range said {
			if strings.Contains(s, "host.docker.internal") || strings.Contains(s, "host.containers.internal") {
				return "host.docker.internal reaches what listens on this machine's loopback alone, such as a server of the test, " +
					"only at the ports that the option HostPorts names"
			}
		}
	}
	return ""
}
