package seccomp

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// syscallText is one line a system call: its name and its numbers in the
// columns' order, "-" where an ABI lacks it. Numbers are those of Linux 7.0's
// headers; x32's are without their marker bit.
//
// The table is our own because github.com/elastic/go-seccomp-bpf/arch lacks
// newfstatat on arm64 (every stat would be refused there), lists 64-bit calls
// for x32 that the kernel does not have (and some twice), and builds ten maps at every start of
// the program. Tests compare ours with it and with libseccomp's.
//
//go:embed syscalls.txt
var syscallText string

// numbers are a system call's numbers by column; -1 where there is none.
type numbers [columns]int32

// Columns of syscalls.txt.
const (
	columnX86_64 = iota
	columnI386
	columnX32
	columnARM
	columnAARCH64
	columns
)

var table = sync.OnceValue(func() map[string]numbers {
	t := make(map[string]numbers, strings.Count(syscallText, "\n"))
	for line := range strings.Lines(syscallText) {
		f := strings.Fields(line)
		if len(f) != 1+columns || f[0] == "#" {
			continue
		}
		var n numbers
		for i := range n {
			n[i] = -1
			if v, err := strconv.ParseInt(f[1+i], 10, 32); err == nil {
				n[i] = int32(v)
			}
		}
		t[f[0]] = n
	}
	return t
})

// muxed is where a call goes that i386 can also make through a multiplexer.
type muxed struct {
	through string // socketcall or ipc
	call    uint64 // its first argument
}

// i386Mux is from the kernel's include/uapi/linux/net.h and ipc.h.
var i386Mux = map[string]muxed{
	"socket": {"socketcall", 1}, "bind": {"socketcall", 2}, "connect": {"socketcall", 3},
	"listen": {"socketcall", 4}, "accept": {"socketcall", 5}, "getsockname": {"socketcall", 6},
	"getpeername": {"socketcall", 7}, "socketpair": {"socketcall", 8}, "send": {"socketcall", 9},
	"recv": {"socketcall", 10}, "sendto": {"socketcall", 11}, "recvfrom": {"socketcall", 12},
	"shutdown": {"socketcall", 13}, "setsockopt": {"socketcall", 14}, "getsockopt": {"socketcall", 15},
	"sendmsg": {"socketcall", 16}, "recvmsg": {"socketcall", 17}, "accept4": {"socketcall", 18},
	"recvmmsg": {"socketcall", 19}, "sendmmsg": {"socketcall", 20},
	"semop": {"ipc", 1}, "semget": {"ipc", 2}, "semctl": {"ipc", 3}, "semtimedop": {"ipc", 4},
	"msgsnd": {"ipc", 11}, "msgrcv": {"ipc", 12}, "msgget": {"ipc", 13}, "msgctl": {"ipc", 14},
	"shmat": {"ipc", 21}, "shmdt": {"ipc", 22}, "shmget": {"ipc", 23}, "shmctl": {"ipc", 24},
}
