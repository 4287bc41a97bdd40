package testenv

import (
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/caisson-dev/caisson/internal/agentbin"
)

// The ordinary users that .ci/run makes: one with a range of subordinate ids, one without.
const (
	UserSubIDs = "caisson-subids"
	UserOneID  = "caisson-oneid"
)

// AsUser returns a command that runs this test binary again as an ordinary user, with the flags given, in a directory
// of the user's own. The agent and the test userland are there already: the user need not have a Go toolchain.
func AsUser(t testing.TB, name string, flags ...string) *exec.Cmd {
	t.Helper()
	if testing.Short() {
		t.Skip("the runs as ordinary users are not short")
	}
	Root(t)
	u, err := user.Lookup(name)
	if err != nil {
		Skip(t, "user "+name+" (useradd --create-home "+name+", as .ci/run does)")
	}
	if name == UserSubIDs {
		Program(t, "newuidmap", "uidmap")
	}
	uid, err := strconv.Atoi(u.Uid)
	must(t, err)
	gid, err := strconv.Atoi(u.Gid)
	must(t, err)
	dir, err := os.MkdirTemp("", "caisson-as-user-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	self, err := os.Executable()
	must(t, err)
	agent, err := agentbin.Agent()
	must(t, err)
	copyFile(t, self, filepath.Join(dir, "test"))
	copyFile(t, agent, filepath.Join(dir, "agent"))
	if _, err := os.Stat(agent + agentbin.InitSuffix); err == nil {
		copyFile(t, agent+agentbin.InitSuffix, filepath.Join(dir, "agent"+agentbin.InitSuffix))
	}
	must(t, os.WriteFile(filepath.Join(dir, "testbox"), Testbox(t), 0o755))
	home := filepath.Join(dir, "home")
	must(t, os.Mkdir(home, 0o700))
	must(t, os.Chown(home, uid, gid))
	// The runs as the two users are beside each other, and beside other tests.
	cmd := exec.Command(filepath.Join(dir, "test"), append([]string{"-test.parallel=2"}, flags...)...)
	cmd.Dir = home
	cmd.Env = []string{
		"HOME=" + home, "TMPDIR=" + home, "USER=" + name, "PATH=" + os.Getenv("PATH"),
		agentbin.EnvAgent + "=" + filepath.Join(dir, "agent"), EnvTestbox + "=" + filepath.Join(dir, "testbox"),
		"CAISSON_TEST_USER=" + name, // and not EnvNoSkip: a user lacks what root has, such as cgroups
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return cmd
}

// OneID says that this user's containers have one user id: who runs the tests is not root, and lacks a range of
// subordinate ids or the program that maps it.
func OneID() bool {
	if os.Geteuid() == 0 {
		return false
	}
	u, err := user.Current()
	if err != nil {
		return true
	}
	for program, file := range map[string]string{"newuidmap": "/etc/subuid", "newgidmap": "/etc/subgid"} {
		b, err := os.ReadFile(file)
		_, perr := exec.LookPath(program)
		lines := "\n" + string(b)
		if err != nil || perr != nil || !strings.Contains(lines, "\n"+u.Username+":") && !strings.Contains(lines, "\n"+u.Uid+":") {
			return true
		}
	}
	return false
}

// ManyIDs skips a test that needs more than one user id in a container.
func ManyIDs(t testing.TB) {
	t.Helper()
	if OneID() {
		Skip(t, "more than one user id (Debian: apt-get install uidmap, and a line for the user in /etc/subuid and /etc/subgid)")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	must(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	must(t, err)
	_, err = io.Copy(out, in)
	must(t, err)
	must(t, out.Close())
	must(t, os.Chmod(to, 0o755))
}
