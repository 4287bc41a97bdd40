// Package gate installs a compiled seccomp filter in the process of a
// container. It runs at every container start, before anything else of the
// program, so it imports next to nothing.
//
// In a container's init process, an early init function calls [Gate], which
// starts a thread and returns. libcontainer then builds the container without
// a filter in its way, as root in the container's user namespace, and waits at
// its exec fifo. Now the parent sends the program, the thread installs it on
// all threads, and acknowledges. After that the parent opens the fifo. The
// user's program cannot run without the filter: the fifo holds it until the
// program is sent, and the process exits if it is not, or is not accepted.
//
// A process that joins a running container has no fifo; there the init
// function calls [Direct], which installs the filter before libcontainer goes
// on. So that libcontainer can work under it, such a process must not be given
// a session keyring (NoNewKeyring): keyctl is denied by Docker's profile.
//
// The socket is closed by the exec of the user's program, and so tells the
// parent when that is there.
//
// After the filter is on, the Go runtime and libcontainer still need futex,
// read, write, close, fcntl, mmap, rt_sigreturn, execve and a few more. A profile that
// denies them makes containers fail to start; none of them runs unfiltered.
package gate
