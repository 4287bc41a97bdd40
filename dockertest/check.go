package dockertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/internal/hostcheck"
)

// Finding is something that containers need of the host, or profit from, and what Check found.
type Finding struct {
	// Name is short, and the same on every host: "user namespaces".
	Name string
	// OK: the host has it.
	OK bool
	// Required: without it no container runs. Without one that is not required, something does not work: Problem says what.
	Required bool
	// Problem is what is wrong, in a sentence; empty when OK.
	Problem string
	// Fix is the command that mends it; empty when OK.
	Fix string
}

// String is one line, or two with the remedy.
func (f Finding) String() string { return hostcheck.Finding(f).String() }

// EnvNoSkip makes Skip fail the test: for CI, where a test that was skipped has tested nothing.
const EnvNoSkip = "CAISSON_TEST_NO_SKIP"

// Check looks at the host, as it is for this user, and has the agent try what the start of a container needs: namespaces,
// mounts, a network and a seccomp filter, all in processes that end with Check. It gets no agent: where there is none yet, the
// finding "trial" says that nothing was tried. Remedies are those of where this process runs, such as the flags of a
// container around it or the securityContext of a pod.
func Check() []Finding {
	var findings []Finding
	for _, f := range hostcheck.Check() {
		findings = append(findings, Finding(f))
	}
	return findings
}

// Require fails the test if the host can't run containers, or lacks one of the things named, as Check names them.
func Require(t testing.TB, names ...string) {
	t.Helper()
	if bad := lacking(Check(), names); len(bad) > 0 {
		t.Fatalf("dockertest: this host lacks:%s", list(bad))
	}
}

// Skip skips the test where Require would fail it. With CAISSON_TEST_NO_SKIP=1 in the environment it fails it too.
func Skip(t testing.TB, names ...string) {
	t.Helper()
	bad := lacking(Check(), names)
	switch {
	case len(bad) == 0:
	case envSet(EnvNoSkip):
		t.Fatalf("dockertest: %s forbids skipping the test, and this host lacks:%s", EnvNoSkip, list(bad))
	default:
		t.Skipf("dockertest: SKIPPED, this host lacks:%s", list(bad))
	}
}

// lacking are the findings that are required, always or by name. A name that Check does not know is lacking too.
func lacking(findings []Finding, names []string) []Finding {
	var bad []Finding
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	for _, f := range findings {
		if !f.OK && (f.Required || wanted[f.Name]) {
			bad = append(bad, f)
		}
		delete(wanted, f.Name)
	}
	for _, n := range names {
		if wanted[n] {
			bad = append(bad, Finding{Name: n, Problem: "Check has no finding with that name", Fix: "use one of the names that Check returns"})
		}
	}
	return bad
}

func list(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString("\n" + f.String())
	}
	return b.String()
}

// missing is the end of an error's message: what Check finds to be missing beside the agent, of which the error tells.
func missing() string {
	return list(slices.DeleteFunc(lacking(Check(), nil), func(f Finding) bool { return f.Name == hostcheck.Agent }))
}
