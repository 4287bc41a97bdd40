package seccomp_test

import (
	"os"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dockerCaps is Docker's default set of 14 capabilities
// (github.com/moby/moby/daemon/pkg/oci/caps, DefaultCapabilities).
var dockerCaps = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// probe is a call that does no harm where it is allowed, mostly because its
// arguments are wrong.
type probe struct {
	name     string
	nr       uintptr
	args     [6]uintptr
	filtered string // under Docker's default profile: EPERM, ENOSYS, ok, other
	always   bool   // without filter as well
}

const bad = ^uintptr(0) // as an address or descriptor

var probes = append(archProbes(), []probe{
	{"unshare", unix.SYS_UNSHARE, [6]uintptr{0}, "EPERM", false},
	{"mount", unix.SYS_MOUNT, [6]uintptr{bad, bad, bad, 0, bad}, "EPERM", false},
	{"umount2", unix.SYS_UMOUNT2, [6]uintptr{bad, 0}, "EPERM", false},
	{"pivot_root", unix.SYS_PIVOT_ROOT, [6]uintptr{bad, bad}, "EPERM", false},
	{"open_tree", unix.SYS_OPEN_TREE, [6]uintptr{bad, bad, 0}, "EPERM", false},
	{"fsopen", unix.SYS_FSOPEN, [6]uintptr{bad, 0}, "EPERM", false},
	{"move_mount", unix.SYS_MOVE_MOUNT, [6]uintptr{bad, bad, bad, bad, 0}, "EPERM", false},
	{"setns", unix.SYS_SETNS, [6]uintptr{bad, 0}, "EPERM", false},
	{"keyctl", unix.SYS_KEYCTL, [6]uintptr{9999}, "EPERM", false},
	{"add_key", unix.SYS_ADD_KEY, [6]uintptr{bad, bad, bad, 0, 0}, "EPERM", false},
	{"bpf", unix.SYS_BPF, [6]uintptr{9999, bad, 0}, "EPERM", false},
	{"perf_event_open", unix.SYS_PERF_EVENT_OPEN, [6]uintptr{bad}, "EPERM", false},
	{"userfaultfd", unix.SYS_USERFAULTFD, [6]uintptr{bad}, "EPERM", false},
	{"io_uring_setup", unix.SYS_IO_URING_SETUP, [6]uintptr{0, bad}, "EPERM", false},
	{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT, [6]uintptr{bad, bad, 0}, "EPERM", false},
	{"quotactl", unix.SYS_QUOTACTL, [6]uintptr{bad, bad, 0, bad}, "EPERM", false},
	{"swapon", unix.SYS_SWAPON, [6]uintptr{bad, 0}, "EPERM", false},
	{"sethostname", unix.SYS_SETHOSTNAME, [6]uintptr{bad, 1 << 20}, "EPERM", false},
	{"init_module", unix.SYS_INIT_MODULE, [6]uintptr{bad, 1, bad}, "EPERM", false},
	{"settimeofday", unix.SYS_SETTIMEOFDAY, [6]uintptr{bad, bad}, "EPERM", false},
	{"move_pages", unix.SYS_MOVE_PAGES, [6]uintptr{0, 0, 0, 0, 0, bad}, "EPERM", false},
	{"clone3", unix.SYS_CLONE3, [6]uintptr{bad, 0}, "ENOSYS", false},
	{"clone CLONE_NEWNS", unix.SYS_CLONE, [6]uintptr{unix.CLONE_NEWNS | unix.CLONE_FS}, "EPERM", false},
	{"clone CLONE_NEWUSER", unix.SYS_CLONE, [6]uintptr{unix.CLONE_NEWUSER | unix.CLONE_FS}, "EPERM", false},
	{"personality query", unix.SYS_PERSONALITY, [6]uintptr{0xffffffff}, "ok", true},
	{"personality linux", unix.SYS_PERSONALITY, [6]uintptr{0}, "ok", true},
	{"personality no-randomize", unix.SYS_PERSONALITY, [6]uintptr{0x40000}, "EPERM", false},
	{"personality back", unix.SYS_PERSONALITY, [6]uintptr{0}, "ok", true},
	{"socket unix", unix.SYS_SOCKET, [6]uintptr{unix.AF_UNIX, 9999}, "other", true},
	{"socket alg", unix.SYS_SOCKET, [6]uintptr{unix.AF_ALG, 9999}, "EPERM", false},
	{"socket vsock", unix.SYS_SOCKET, [6]uintptr{unix.AF_VSOCK, 9999}, "EPERM", false},
	{"ptrace", unix.SYS_PTRACE, [6]uintptr{9999}, "other", true},
	{"chroot", unix.SYS_CHROOT, [6]uintptr{bad}, "other", true},
	{"getpid", unix.SYS_GETPID, [6]uintptr{}, "ok", true},
	{"number 2000", 2000, [6]uintptr{}, "ENOSYS", true},
}...)

// archProbes are calls by x32, which a 64-bit program can simply make. The
// kernel answers ENOSYS where it is built without.
func archProbes() []probe {
	if runtime.GOARCH != "amd64" {
		return nil
	}
	return []probe{
		{"x32 unshare", x32 + 272, [6]uintptr{0}, "EPERM", false},
		{"x32 mount", x32 + 165, [6]uintptr{bad, bad, bad, 0, bad}, "EPERM", false},
		{"x32 ptrace (64-bit number)", x32 + 101, [6]uintptr{9999}, "EPERM", false},
		{"x32 number 2000", x32 + 2000, [6]uintptr{}, "ENOSYS", true},
	}
}

func uintptrOf[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	skip(t, "root: installing a filter without no_new_privs needs CAP_SYS_ADMIN")
}

// skip says what a test needs, or fails where nothing may be skipped.
func skip(t testing.TB, needs string) {
	t.Helper()
	if os.Getenv("CAISSON_TEST_NO_SKIP") == "1" {
		t.Fatalf("CAISSON_TEST_NO_SKIP is set, but the test needs %s", needs)
	}
	t.Skipf("SKIPPED %s: needs %s", t.Name(), needs)
}
