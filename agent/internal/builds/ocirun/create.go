//go:build linux

package ocirun

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	_ "github.com/opencontainers/cgroups/devices" // else: cgroup manager is not configured to set device rules

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// initArg0 is argv[0] of a step's init. Another init dies with the thread that forked it; this one's parent is the
// create verb, which ends at once.
const initArg0 = "caisson-build-init"

func init() {
	if os.Args[0] == initArg0 && os.Getenv("_LIBCONTAINER_INITPIPE") != "" {
		// The agent's early hook has just set it.
		_ = unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)
	}
}

// gateTimeout bounds the wait for the init to install its filter; it takes a millisecond.
const gateTimeout = 30 * time.Second

func create(root string, args []string) error {
	flags := flag.NewFlagSet("create", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	bundle := flags.String("bundle", "", "")
	pidFile := flags.String("pid-file", "", "")
	noPivot := flags.Bool("no-pivot", false, "")
	flags.Bool("no-new-keyring", true, "")
	flags.String("console-socket", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	spec, err := readSpec(*bundle)
	if err != nil {
		return err
	}
	filter, err := confine(spec)
	if err != nil {
		return err
	}
	cfg, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{
		CgroupName: cgroupName(root, flags.Arg(0)), Spec: spec, NoPivotRoot: *noPivot, NoNewKeyring: true, RootlessCgroups: !mayUseCgroups(),
	})
	if err != nil {
		return err
	}
	process.NoTunnels(cfg.Cgroups.Resources)
	c, err := libcontainer.Create(root, flags.Arg(0), cfg)
	if err != nil {
		return err
	}
	pid, err := start(c, spec.Process, filter)
	if err == nil {
		err = os.WriteFile(*pidFile, []byte(strconv.Itoa(pid)), 0o600)
	}
	if err != nil {
		_ = process.Kill(c) // there may be none
		return errors.Join(err, c.Destroy())
	}
	return nil
}

// cgroupName tells the control groups of one store's builds from another's: root is ROOT/tmp/PROCESS/oci/BUILD.
func cgroupName(root, id string) string {
	store := filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(root))))
	sum := sha256.Sum256([]byte(store))
	return "caisson-build-" + hex.EncodeToString(sum[:4]) + "-" + id
}

func readSpec(bundle string) (*specs.Spec, error) {
	b, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	if err != nil {
		return nil, err
	}
	var spec specs.Spec
	if err := json.Unmarshal(b, &spec); err != nil {
		return nil, err
	}
	if spec.Process == nil || spec.Linux == nil {
		return nil, errors.New("build runtime: the specification has no process")
	}
	return &spec, nil
}

// confine compiles Docker's seccomp profile for the step's capabilities. Our gate installs it, not libcontainer, which
// would need libseccomp.
func confine(spec *specs.Spec) ([]byte, error) {
	spec.Linux.Seccomp = nil
	closeCgroups(spec)
	kernel, err := seccomp.RunningKernel()
	if err != nil {
		return nil, err
	}
	var caps []string
	if spec.Process.Capabilities != nil {
		caps = spec.Process.Capabilities.Bounding
	}
	profile, err := seccomp.Profile(caps, runtime.GOARCH, kernel)
	if err != nil {
		return nil, err
	}
	return seccomp.Compile(profile, runtime.GOARCH)
}

// closeCgroups mounts the control groups read-only, as in a container: a step could freeze itself in one of its own.
func closeCgroups(spec *specs.Spec) {
	for i, m := range spec.Mounts {
		if m.Type != "cgroup" && m.Type != "cgroup2" {
			continue
		}
		opts := slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return o == "rw" || o == "ro" })
		spec.Mounts[i].Options = append(opts, "ro")
	}
}

// mayUseCgroups is false in a user namespace and where the hierarchy is mounted read-only, as in a container. A step
// has no limits, so it does without.
func mayUseCgroups() bool {
	if host.Rootless() {
		return false
	}
	var st unix.Statfs_t
	for _, dir := range []string{"/sys/fs/cgroup/devices", "/sys/fs/cgroup"} {
		if err := unix.Statfs(dir, &st); err == nil {
			return st.Flags&unix.ST_RDONLY == 0
		}
	}
	return false
}

// start brings the init up to where it waits for the start verb, confined.
func start(c *libcontainer.Container, p *specs.Process, filter []byte) (int, error) {
	parent, child, err := seccomp.Pair()
	if err != nil {
		return 0, err
	}
	defer parent.Close()
	defer child.Close()
	lp := newProcess(p)
	lp.Stdin, lp.Stdout, lp.Stderr = os.Stdin, os.Stdout, os.Stderr
	lp.ExtraFiles = []*os.File{child} // the first: where the agent's binary looks for the gate
	os.Args[0] = initArg0             // libcontainer gives it to the init
	if err := c.Start(lp); err != nil {
		return 0, err
	}
	child.Close()
	if err := seccomp.Send(parent, filter, gateTimeout); err != nil {
		return 0, err
	}
	return lp.Pid()
}

func newProcess(p *specs.Process) *libcontainer.Process {
	lp := &libcontainer.Process{
		Init: true, Args: p.Args, Env: p.Env, Cwd: p.Cwd, UID: int(p.User.UID), GID: int(p.User.GID),
		NoNewPrivileges: &p.NoNewPrivileges, AppArmorProfile: p.ApparmorProfile, Label: p.SelinuxLabel,
	}
	for _, g := range p.User.AdditionalGids {
		lp.AdditionalGroups = append(lp.AdditionalGroups, int(g))
	}
	if c := p.Capabilities; c != nil {
		lp.Capabilities = &configs.Capabilities{
			Bounding: c.Bounding, Effective: c.Effective, Inheritable: c.Inheritable, Permitted: c.Permitted, Ambient: c.Ambient,
		}
	}
	for _, r := range p.Rlimits {
		if n, ok := rlimits[r.Type]; ok {
			lp.Rlimits = append(lp.Rlimits, configs.Rlimit{Type: n, Soft: r.Soft, Hard: r.Hard})
		}
	}
	return lp
}

// rlimits are those that a build sets.
var rlimits = map[string]int{
	"RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_CORE": unix.RLIMIT_CORE,
	"RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
}
