package spec

import (
	"strconv"
	"strings"
	"syscall"
)

// signals are Linux's by their numbers (signal(7)), on amd64 and arm64. Those of the system that this compiles for may
// be others.
var signals = strings.Fields("0 SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM " +
	"SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH " +
	"SIGIO SIGPWR SIGSYS")

var otherSignals = map[string]syscall.Signal{"SIGIOT": 6, "SIGCLD": 17, "SIGPOLL": 29}

// ParseSignal reads a signal such as SIGTERM, TERM or 15.
func ParseSignal(s string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > 64 {
			return 0, invalid("signal %d: it must be between 1 and 64", n)
		}
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	for n, known := range signals {
		if known == name {
			return syscall.Signal(n), nil
		}
	}
	if n, ok := otherSignals[name]; ok {
		return n, nil
	}
	if rest, ok := strings.CutPrefix(name, "SIGRTMIN"); ok { // such as systemd's SIGRTMIN+3
		n := 0
		if rest != "" {
			var err error
			if n, err = strconv.Atoi(rest); err != nil || n < 0 || n > 30 {
				return 0, invalid("signal %q: it is not a known signal: use SIGRTMIN to SIGRTMIN+30", s)
			}
		}
		return syscall.Signal(34 + n), nil
	}
	return 0, invalid("signal %q: it is not a known signal: use a name such as SIGTERM, or a number", s)
}

// SignalName is the signal's name, or its number if it has none.
func SignalName(s syscall.Signal) string {
	if s > 0 && int(s) < len(signals) {
		return signals[s]
	}
	return strconv.Itoa(int(s))
}
