// Command testbox is the whole userland of the images that the tests make: a static binary with a few commands.
package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var commands = map[string]func(args []string) int{}

func init() {
	maps.Copy(commands, map[string]func([]string) int{
		"true": func([]string) int { return 0 }, "exit": exit, "echo": echo, "err": echoErr, "cat": cat, "env": env, "id": id,
		"pwd": pwd, "write": write, "ls": ls, "stat": stat, "sleep": sleep, "trap": trap, "seq": seq, "spam": spam,
		"hash": hash, "mounts": mounts, "kill": kill, "eat": eat, "hostname": hostname, "ps": ps,
		"upper": upper, "chain": chain, "fork": fork, "mkdir": mkdir, "rm": rm, "ln": ln, "nns": nns, "spin": spin, "exchange": exchange, "winch": winch,
		"gorge": gorge, "tally": tally,
	})
}

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "testbox" || name == "init" {
		if len(args) == 0 {
			fmt.Fprintln(os.Stderr, "usage: testbox COMMAND [ARG…]")
			os.Exit(2)
		}
		name, args = args[0], args[1:]
	}
	f, ok := commands[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "testbox: %s: unknown command\n", name)
		os.Exit(127)
	}
	os.Exit(f(args))
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "testbox:", err)
	return 1
}

func exit(a []string) int {
	n, err := strconv.Atoi(a[0])
	if err != nil {
		return fail(err)
	}
	return n
}

func echo(a []string) int {
	fmt.Println(strings.Join(a, " "))
	return 0
}

func echoErr(a []string) int {
	fmt.Fprintln(os.Stderr, strings.Join(a, " "))
	return 0
}

func cat(a []string) int {
	if len(a) == 0 {
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return fail(err)
		}
	}
	for _, p := range a {
		b, err := os.ReadFile(p)
		if err != nil {
			return fail(err)
		}
		os.Stdout.Write(b)
	}
	return 0
}

// upper answers each line of its input at once.
func upper([]string) int {
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		fmt.Println(strings.ToUpper(s.Text()))
	}
	return 0
}

func env([]string) int {
	e := os.Environ()
	sort.Strings(e)
	fmt.Println(strings.Join(e, "\n"))
	return 0
}

func id([]string) int {
	groups, err := os.Getgroups()
	if err != nil {
		return fail(err)
	}
	sort.Ints(groups)
	fmt.Println(os.Getuid(), os.Getgid(), groups)
	return 0
}

func pwd([]string) int {
	d, err := os.Getwd()
	if err != nil {
		return fail(err)
	}
	fmt.Println(d)
	return 0
}

func write(a []string) int {
	if err := os.WriteFile(a[0], []byte(strings.Join(a[1:], " ")), 0o644); err != nil {
		return fail(err)
	}
	return 0
}

func mkdir(a []string) int {
	for _, p := range a {
		if err := os.MkdirAll(p, 0o755); err != nil {
			return fail(err)
		}
	}
	return 0
}

func rm(a []string) int {
	for _, p := range a {
		if err := os.RemoveAll(p); err != nil {
			return fail(err)
		}
	}
	return 0
}

func ln(a []string) int {
	if err := os.Symlink(a[0], a[1]); err != nil {
		return fail(err)
	}
	return 0
}

func ls(a []string) int {
	if len(a) == 0 {
		a = []string{"."}
	}
	for _, p := range a {
		err := filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			if err == nil {
				fmt.Println(name)
			}
			if d != nil && d.IsDir() && name != p {
				return fs.SkipDir
			}
			return err
		})
		if err != nil {
			return fail(err)
		}
	}
	return 0
}

func stat(a []string) int {
	for _, p := range a {
		var st syscall.Stat_t
		if err := syscall.Lstat(p, &st); err != nil {
			return fail(&fs.PathError{Op: "lstat", Path: p, Err: err})
		}
		fmt.Printf("%s %o %d:%d %d\n", p, st.Mode, st.Uid, st.Gid, st.Size)
	}
	return 0
}

func sleep(a []string) int {
	d, err := time.ParseDuration(a[0])
	if err != nil {
		return fail(err)
	}
	time.Sleep(d)
	return 0
}

// trap prints the signals that it gets; the argument names the one that ends it, with code 42.
func trap(a []string) int {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch)
	fmt.Println("ready")
	for s := range ch {
		if s == syscall.SIGURG || s == syscall.SIGCHLD {
			continue // the Go runtime's own
		}
		fmt.Println("got", s)
		if len(a) > 0 && s.String() == a[0] {
			return 42
		}
	}
	return 0
}

func seq(a []string) int {
	n, err := strconv.Atoi(a[0])
	if err != nil {
		return fail(err)
	}
	w := bufio.NewWriter(os.Stdout)
	defer w.Flush()
	for i := 1; i <= n; i++ {
		fmt.Fprintln(w, i)
	}
	return 0
}

// spam writes that many bytes in lines, and their SHA-256 to standard error.
func spam(a []string) int {
	n, err := strconv.ParseInt(a[0], 10, 64)
	if err != nil {
		return fail(err)
	}
	h := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(os.Stdout, h), 64<<10)
	for i := int64(0); n > 0; i++ {
		line := fmt.Sprintf("%019d the quick brown fox jumps over the lazy dog\n", i)
		if int64(len(line)) > n {
			line = line[:n]
		}
		n -= int64(len(line))
		if _, err := w.WriteString(line); err != nil {
			return fail(err)
		}
	}
	if err := w.Flush(); err != nil {
		return fail(err)
	}
	fmt.Fprintf(os.Stderr, "%x\n", h.Sum(nil))
	return 0
}

func hash([]string) int {
	h := sha256.New()
	if _, err := io.Copy(h, os.Stdin); err != nil {
		return fail(err)
	}
	fmt.Printf("%x\n", h.Sum(nil))
	return 0
}

func mounts([]string) int {
	return cat([]string{"/proc/self/mountinfo"})
}

func kill(a []string) int {
	n, err := strconv.Atoi(a[0])
	if err != nil {
		return fail(err)
	}
	pid := os.Getpid()
	if len(a) > 1 {
		if pid, err = strconv.Atoi(a[1]); err != nil {
			return fail(err)
		}
	}
	if err := syscall.Kill(pid, syscall.Signal(n)); err != nil {
		return fail(err)
	}
	time.Sleep(time.Second) // a signal to itself takes a moment to arrive
	return 0
}

// eat takes that many MiB of memory and touches each page.
func eat(a []string) int {
	n, err := strconv.Atoi(a[0])
	if err != nil {
		return fail(err)
	}
	var keep [][]byte
	for range n {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		keep = append(keep, b)
	}
	fmt.Println(len(keep))
	return 0
}

func hostname([]string) int {
	h, err := os.Hostname()
	if err != nil {
		return fail(err)
	}
	fmt.Println(h)
	return 0
}

func ps([]string) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return fail(err)
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			b, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
			fmt.Println(e.Name(), strings.ReplaceAll(strings.TrimRight(string(b), "\x00"), "\x00", " "))
		}
	}
	return 0
}

// chain runs commands separated by ";" and ends with the first that fails.
func chain(a []string) int {
	var one []string
	for _, w := range append(a, ";") {
		if w != ";" {
			one = append(one, w)
			continue
		}
		if len(one) > 0 {
			f, ok := commands[one[0]]
			if !ok {
				return 127
			}
			if code := f(one[1:]); code != 0 {
				return code
			}
		}
		one = nil
	}
	return 0
}

// fork leaves a command running behind it.
func fork(a []string) int {
	c := exec.Command("/proc/self/exe", a...)
	c.Args[0] = "testbox"
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return fail(err)
	}
	fmt.Println(c.Process.Pid)
	return 0
}

// nns makes a new namespace, which a confined process may not.
func nns([]string) int {
	if err := syscall.Unshare(syscall.CLONE_NEWUSER); err != nil {
		return fail(err)
	}
	return 0
}

// winch prints its terminal's size whenever that changes, and ends at an interrupt.
func winch([]string) int {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGWINCH, syscall.SIGINT)
	for {
		var ws struct{ rows, cols, x, y uint16 }
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&ws))); errno != 0 {
			return fail(errno)
		}
		fmt.Printf("size %dx%d\n", ws.cols, ws.rows)
		if s := <-ch; s == syscall.SIGINT {
			fmt.Println("interrupted")
			return 130
		}
	}
}

// spin computes without end.
func spin([]string) int {
	for i := 0; i >= 0; i++ {
		if i == math.MaxInt {
			i = 0
		}
	}
	return 0
}

// exchange makes the name a directory with a file f and a link to the target by turns, without end.
func exchange(a []string) int {
	dir, link := a[0], a[0]+".link"
	if code := mkdir([]string{dir}); code != 0 {
		return code
	}
	if code := write([]string{dir + "/f", "the container's"}); code != 0 {
		return code
	}
	if err := os.Symlink(a[1], link); err != nil {
		return fail(err)
	}
	fmt.Println("ready")
	for {
		if err := unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE); err != nil {
			return fail(err)
		}
	}
}
