package seccomp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Kernel is the version of the kernel that the filter is for. Docker's profile
// allows some calls from a version on.
type Kernel struct{ Major, Minor uint64 }

// ParseKernel reads the release that uname(2) gives, such as "6.1.0-21-amd64".
func ParseKernel(release string) (Kernel, error) {
	var k Kernel
	if _, err := fmt.Sscanf(release, "%d.%d", &k.Major, &k.Minor); err != nil {
		return k, fmt.Errorf("seccomp: kernel release %q: does not begin with two numbers", release)
	}
	return k, nil
}

// AtLeast says whether k is v or newer.
func (k Kernel) AtLeast(v Kernel) bool {
	return k.Major > v.Major || k.Major == v.Major && k.Minor >= v.Minor
}

// Load reads a profile in Docker's JSON form (which includes the runtime
// spec's) and resolves it for a container with the bounding set caps ("CAP_…"),
// on a machine of the given GOARCH and kernel. Fields that Docker does not know
// are ignored as it does. Errors match [ErrProfile] or [ErrArch].
func Load(profile []byte, caps []string, goarch string, k Kernel) (*specs.LinuxSeccomp, error) {
	var p moby.Seccomp
	if err := json.Unmarshal(profile, &p); err != nil {
		return nil, decodeError(profile, err)
	}
	if p.DefaultAction == "" {
		// Docker takes a profile with neither this nor syscalls for "no filter".
		return nil, profileError("defaultAction: missing (SCMP_ACT_ERRNO, SCMP_ACT_ALLOW, …); for no filter at all use the security option seccomp=unconfined")
	}
	s, err := resolve(&p, caps, goarch, k)
	if err != nil {
		return nil, err
	}
	if _, err := check(s); err != nil {
		return nil, err
	}
	return s, nil
}

// decodeError adds the position that encoding/json leaves out.
func decodeError(profile []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return profileError("line %d: %w", lineOf(profile, syntax.Offset), err)
	case errors.As(err, &kind):
		// The profile's Go types embed the runtime spec's; its JSON does not.
		field := strings.NewReplacer("LinuxSeccomp.", "", "LinuxSyscall.", "").Replace(kind.Field)
		return profileError("line %d: %s: %s instead of %s", lineOf(profile, kind.Offset), field, kind.Value, kind.Type.Kind())
	}
	return profileError("%w", err)
}

func lineOf(b []byte, offset int64) int {
	return 1 + bytes.Count(b[:min(max(offset, 0), int64(len(b)))], []byte("\n"))
}

// mobyArch are the names in a profile's includes and excludes, and the native
// architecture in its archMap.
var mobyArch = map[string]specs.Arch{"amd64": specs.ArchX86_64, "arm64": specs.ArchAARCH64}

// resolve is moby's setupSeccomp, which knows only the running machine and
// would leave its rules' conditions on index in the caller's profile.
func resolve(p *moby.Seccomp, caps []string, goarch string, k Kernel) (*specs.LinuxSeccomp, error) {
	native, ok := mobyArch[goarch]
	if !ok {
		return nil, fmt.Errorf("%w: %s (use amd64 or arm64)", ErrArch, goarch)
	}
	if len(p.Architectures) > 0 && len(p.ArchMap) > 0 {
		return nil, profileError("architectures and archMap: only one of them may be given")
	}
	s := p.LinuxSeccomp
	s.Syscalls = nil
	for _, a := range p.ArchMap {
		if a.Arch == native {
			s.Architectures = append([]specs.Arch{a.Arch}, a.SubArches...)
			break
		}
	}
	for i, c := range p.Syscalls {
		if c == nil {
			return nil, profileError("syscalls[%d]: null", i)
		}
		out := c.LinuxSyscall
		//lint:ignore SA1019 old profiles have it, and Docker reads it
		if name := c.Name; name != "" {
			if len(c.Names) > 0 {
				return nil, profileError("syscalls[%d]: name and names: only one of them may be given", i)
			}
			out.Names = []string{name}
		}
		// Now, because Compile's errors count what applies only; and what does
		// not apply to this container would fail for another.
		if _, err := checkEntry(i, out); err != nil {
			return nil, err
		}
		if applies(c, caps, goarch, k) {
			s.Syscalls = append(s.Syscalls, out)
		}
	}
	return &s, nil
}

// applies decides an entry's includes, of which all have to hold, and
// excludes, of which none may.
func applies(c *moby.Syscall, caps []string, goarch string, k Kernel) bool {
	has := func(name string) bool { return slices.Contains(caps, name) }
	if x := c.Excludes; x != nil {
		if slices.Contains(x.Arches, goarch) || slices.ContainsFunc(x.Caps, has) ||
			x.MinKernel != nil && k.AtLeast(Kernel{x.MinKernel.Kernel, x.MinKernel.Major}) {
			return false
		}
	}
	if x := c.Includes; x != nil {
		if len(x.Arches) > 0 && !slices.Contains(x.Arches, goarch) ||
			x.MinKernel != nil && !k.AtLeast(Kernel{x.MinKernel.Kernel, x.MinKernel.Major}) {
			return false
		}
		for _, c := range x.Caps {
			if !has(c) {
				return false
			}
		}
	}
	return true
}
