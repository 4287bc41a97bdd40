package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The commands that the tests of options and confinement need. Files are initialised by name: main.go comes first.
func init() {
	for name, f := range map[string]func([]string) int{
		"forks": forks, "mknod": mknod, "open": open, "readlink": readlink, "times": times, "fails": fails, "zombies": zombies,
		"grab": grab, "swap": swap, "sh": sh,
	} {
		commands[name] = f
	}
}

// grab tries to write to every program that it finds running and that is not its own, again and again, as an exploit of
// CVE-2019-5736 does: it holds the file and waits for the time when it does not run. It ends when the file named is there.
func grab(a []string) int {
	seen := map[string]int{}
	for {
		if _, err := os.Stat(a[0]); err == nil {
			break
		}
		dirs, err := os.ReadDir("/proc")
		if err != nil {
			return fail(err)
		}
		for _, d := range dirs {
			exe := "/proc/" + d.Name() + "/exe"
			name, err := os.Readlink(exe)
			if err != nil || name == "/bin/testbox" || name == "/proc/self/exe" {
				continue
			}
			if _, ok := seen[name]; ok {
				continue
			}
			fd, err := syscall.Open(exe, syscall.O_RDONLY, 0)
			if err != nil {
				continue
			}
			seen[name] = fd
			fmt.Println("held", name)
		}
		for name, fd := range seen {
			w, err := syscall.Open("/proc/self/fd/"+strconv.Itoa(fd), syscall.O_WRONLY|syscall.O_TRUNC, 0)
			if err == nil {
				fmt.Println("WRITTEN", name)
				syscall.Close(w)
			}
		}
	}
	return 0
}

// swap exchanges two names over and over, until the third is there.
func swap(a []string) int {
	const renameExchange = 2
	for {
		if _, err := os.Stat(a[2]); err == nil {
			return 0
		}
		if err := unix.Renameat2(unix.AT_FDCWD, a[0], unix.AT_FDCWD, a[1], renameExchange); err != nil {
			return fail(err)
		}
	}
}

// forks starts that many processes at once, which stay, and ends with the first that can't be started.
func forks(a []string) int {
	n, err := strconv.Atoi(a[0])
	if err != nil {
		return fail(err)
	}
	var all []*exec.Cmd
	defer func() {
		for _, c := range all {
			_ = c.Process.Kill()
		}
	}()
	for range n {
		c := exec.Command("/proc/self/exe", "sleep", "1h")
		c.Args[0] = "testbox"
		if err := c.Start(); err != nil {
			return fail(err)
		}
		all = append(all, c)
	}
	return 0
}

// mknod makes a character device: path, major, minor.
func mknod(a []string) int {
	major, err := strconv.Atoi(a[1])
	if err != nil {
		return fail(err)
	}
	minor, err := strconv.Atoi(a[2])
	if err != nil {
		return fail(err)
	}
	if err := syscall.Mknod(a[0], syscall.S_IFCHR|0o666, major<<8|minor); err != nil {
		return fail(&os.PathError{Op: "mknod", Path: a[0], Err: err})
	}
	return 0
}

// open opens files and does not read them.
func open(a []string) int {
	for _, p := range a {
		fd, err := syscall.Open(p, syscall.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return fail(&os.PathError{Op: "open", Path: p, Err: err})
		}
		syscall.Close(fd)
	}
	return 0
}

func readlink(a []string) int {
	for _, p := range a {
		l, err := os.Readlink(p)
		if err != nil {
			return fail(err)
		}
		fmt.Println(l)
	}
	return 0
}

// times counts in a file how often it was called, and ends with 0 from the call on that the second argument names.
func times(a []string) int {
	last, err := strconv.Atoi(a[1])
	if err != nil {
		return fail(err)
	}
	b, _ := os.ReadFile(a[0]) // none is 0
	n := len(b) + 1
	if err := os.WriteFile(a[0], []byte(strings.Repeat("x", n)), 0o644); err != nil {
		return fail(err)
	}
	fmt.Println("run", n)
	if n < last {
		return 5
	}
	return 0
}

// fails succeeds while a file is there.
func fails(a []string) int {
	if _, err := os.Stat(a[0]); err != nil {
		fmt.Println("no", a[0])
		return 3
	}
	fmt.Println("found", a[0])
	return 0
}

// zombies prints how many processes have ended and were not waited for.
func zombies([]string) int {
	n := 0
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return fail(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if _, num := strconv.Atoi(e.Name()); num != nil || err != nil {
			continue
		}
		if _, after, ok := strings.Cut(string(b), ") "); ok && after[0] == 'Z' {
			n++
		}
	}
	fmt.Println(n, "zombies")
	return 0
}

// sh is a shell of one command a line, interactive or with -c LINE. As real ones it lets an interrupt end the command
// and not itself.
func sh(a []string) int {
	if len(a) == 2 && a[0] == "-c" {
		return shLine(a[1])
	}
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	r := bufio.NewReader(os.Stdin)
	code := 0
	for {
		fmt.Print("$ ")
		line, err := r.ReadString('\n')
		if err != nil {
			return code
		}
		if words := strings.Fields(line); len(words) == 2 && words[0] == "exit" {
			return exit(words[1:])
		}
		code = shLine(line)
	}
}

func shLine(line string) int {
	words := strings.Fields(line)
	if len(words) == 0 {
		return 0
	}
	c := exec.Command("/proc/self/exe", words...)
	c.Args[0] = "testbox"
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := c.Run()
	if c.ProcessState == nil {
		return fail(err)
	}
	if ws, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return c.ProcessState.ExitCode()
}
