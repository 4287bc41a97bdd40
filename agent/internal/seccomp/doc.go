// Package seccomp turns an OCI seccomp profile into a kernel filter and has it
// installed, without libseccomp and without cgo.
//
// [Profile] resolves Docker's default profile for a container's capabilities,
// [Load] does the same with a profile given as JSON. [Compile] makes the
// program: classic BPF with a small header, in the form that package gate
// installs in the container's process. [Send] is the parent's side of that.
//
//	profile, err := seccomp.Profile(caps, runtime.GOARCH, seccomp.Kernel{Major: 6, Minor: 12})
//	program, err := cache.Compile(profile, runtime.GOARCH)
//	parent, child, err := seccomp.Pair()
//	// start the init process with child as an extra file; its early hook calls gate.Gate
//	err = seccomp.Send(parent, program, 10*time.Second)
//	// only now may the init process execute the user's program
//
// Compiling is portable Go and works for amd64 (with i386 and x32) and arm64
// (with 32-bit arm) on any machine. Installing needs Linux 3.17 or later, and
// CAP_SYS_ADMIN in the process's user namespace or no_new_privs.
//
// The package does not support SCMP_ACT_NOTIFY, which needs a supervisor that
// answers for the container as long as it lives.
package seccomp
