package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

func init() {
	commands["leaderless"], commands["restless"], commands["traced"], commands["immortal"] = leaderless, restless, traced, immortal
	if len(os.Args) > 1 && (os.Args[1] == "leaderless" || os.Args[1] == "restless" || os.Args[1] == "traced" || os.Args[1] == "immortal") {
		runtime.LockOSThread() // to the first thread, which main has then
	}
}

// leaderless ends its first thread, and goes on with the others: in /proc it is a zombie.
func leaderless([]string) int {
	go func() {
		for {
			stat, err := os.ReadFile("/proc/self/stat")
			if err != nil {
				os.Exit(fail(err))
			}
			if bytes.Contains(stat, []byte(") Z ")) {
				break
			}
			time.Sleep(time.Millisecond)
		}
		fmt.Println("leaderless")
		time.Sleep(time.Hour)
	}()
	_, _, errno := syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
	return fail(errno)
}

// restless executes itself N times, from a thread that isn't the first.
func restless(a []string) int {
	n, err := strconv.Atoi(a[0])
	if err != nil {
		return fail(err)
	}
	if n > 0 {
		go func() {
			os.Exit(fail(syscall.Exec("/bin/testbox", []string{"testbox", "restless", strconv.Itoa(n - 1)}, os.Environ())))
		}()
	}
	time.Sleep(time.Hour)
	return 0
}

// traced lets its parent trace it, clears its parent-death signal, and stops: its parent's wait returns.
func traced([]string) int {
	fmt.Println("traced")
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, 0, 0)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PTRACE, syscall.PTRACE_TRACEME, 0, 0); errno != 0 {
		return fail(errno)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(syscall.Gettid()), uintptr(syscall.SIGUSR1))
	return fail(errno) // it goes on when it is no longer traced
}

// immortal clears its parent-death signal, as a change of user does, and sleeps as what tests look for: its argument marks
// it.
func immortal(a []string) int {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, 0, 0); errno != 0 {
		return fail(errno)
	}
	return fail(syscall.Exec("/bin/testbox", []string{"testbox", "sleep", "1000h", a[0]}, os.Environ()))
}
