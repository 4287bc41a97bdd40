//go:build linux && cgo

package calls

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
)

type kind uint32

// As calls_linux.c has them.
const (
	kindCall kind = iota
	kindFork
	kindSignals
	kindInside
	kindAwait
)

const (
	flagKeep = 1 << iota
	flagIfFailed
)

// Filter is an array of struct sock_filter, as an argument: the call gets a struct sock_fprog.
type Filter []byte

// Step is a system call of a list.
type Step struct {
	Name   string // as its manual page has it
	Number uintptr
	// Args are integers; a string, []byte, []string and Filter are the address of what C has for them.
	Args []any
	// Allow are at most four errors that do not end the program.
	Allow []syscall.Errno

	kind  kind
	flags uint32
}

// List is a list of system calls. The zero value is empty.
type List struct{ steps []Step }

// Call adds a system call. An error of it ends the program, and Start or Go returns it.
func (l *List) Call(name string, number uintptr, args ...any) {
	l.Add(Step{Name: name, Number: number, Args: args})
}

// Try adds a system call that may fail with some errors.
func (l *List) Try(allow []syscall.Errno, name string, number uintptr, args ...any) {
	l.Add(Step{Name: name, Number: number, Args: args, Allow: allow})
}

// Add adds a step.
func (l *List) Add(s Step) { l.steps = append(l.steps, s) }

// Retry adds a call to be made here, and where it fails with one of the allowed errors, once more where Again is called.
func (l *List) Retry(s Step) {
	s.flags |= flagKeep
	l.Add(s)
}

// Again repeats the step of the last Retry if that failed; now each error ends the program.
func (l *List) Again() {
	for _, s := range slices.Backward(l.steps) {
		if s.flags&flagKeep != 0 {
			s.flags, s.Allow = flagIfFailed, nil
			l.Add(s)
			return
		}
	}
}

// Fork has what follows done by a child of the process that calls Start, in the pid namespace that has been joined. A list
// has it once.
func (l *List) Fork() { l.ForkInto(-1) }

// ForkInto is Fork into a control group of version 2, whose directory is open as a descriptor.
func (l *List) ForkInto(cgroup int) { l.Add(Step{Name: "fork", Args: []any{cgroup}, kind: kindFork}) }

// DefaultSignals sets the disposition of each signal to the default, and blocks none.
func (l *List) DefaultSignals() { l.Add(Step{Name: "default signals", kind: kindSignals}) }

// Inside ends the program unless the present directory is below its root directory (CVE-2024-21626).
func (l *List) Inside() { l.Add(Step{Name: "getcwd", kind: kindInside}) }

// Await waits for Process.Go.
func (l *List) Await() { l.Add(Step{Name: "await", kind: kindAwait}) }

// String has one line for each step.
func (l *List) String() string {
	var b strings.Builder
	for _, s := range l.steps {
		fmt.Fprintln(&b, s)
	}
	return b.String()
}

func (s Step) String() string {
	var b strings.Builder
	if s.flags&flagIfFailed != 0 {
		b.WriteString("if that failed: ")
	}
	b.WriteString(s.Name)
	if len(s.Args) == 0 && s.kind != kindCall {
		return b.String()
	}
	args := make([]string, len(s.Args))
	for i, a := range s.Args {
		switch a := a.(type) {
		case string, []string:
			args[i] = fmt.Sprintf("%q", a)
		case []byte:
			args[i] = fmt.Sprintf("%x", a)
		case Filter:
			args[i] = fmt.Sprintf("%d instructions", len(a)/8)
		default:
			args[i] = fmt.Sprint(a)
		}
	}
	fmt.Fprintf(&b, "(%s)", strings.Join(args, ", "))
	if len(s.Allow) > 0 {
		allow := make([]string, len(s.Allow))
		for i, e := range s.Allow {
			allow[i] = e.Error()
		}
		fmt.Fprintf(&b, " or %s", strings.Join(allow, ", "))
	}
	return b.String()
}
