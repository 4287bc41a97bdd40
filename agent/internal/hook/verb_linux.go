package hook

import "syscall"

const (
	verbArg    = "__caisson_oci"
	verbSocket = "../sock" // seen from the directory of a build's state
	maxAnswer  = 1 << 20
)

// askAgent has the agent do a short verb of the runtime of builds, prints its answer and ends. It returns where this
// process is for something else, and where no agent answers.
func askAgent() {
	line := commandLine()
	args := split(line)
	if len(args) != 6 || args[1] != verbArg || args[2] != "--root" {
		return
	}
	switch args[4] {
	case "start", "state", "kill", "delete":
	default:
		return
	}
	answer := ask(args[3], line[len(args[0])+len(args[1])+2:])
	if len(answer) == 0 {
		return
	}
	out := 1
	if answer[0] != 0 {
		out = 2
	}
	for rest := answer[1:]; len(rest) > 0; {
		n, err := syscall.Write(out, rest)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			break // nobody reads
		}
		rest = rest[n:]
	}
	syscall.Exit(int(answer[0]))
}

func ask(dir string, request []byte) []byte {
	cwd, err := syscall.Open(".", syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(cwd)
	defer syscall.Fchdir(cwd)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	// From there the socket's name is short enough, whatever the store's is.
	if syscall.Chdir(dir) != nil || syscall.Connect(fd, &syscall.SockaddrUnix{Name: verbSocket}) != nil {
		return nil
	}
	if n, err := syscall.Write(fd, request); n != len(request) || err != nil || syscall.Shutdown(fd, syscall.SHUT_WR) != nil {
		return nil
	}
	return readAll(fd)
}

// commandLine is this process's arguments, each with a zero byte behind it.
func commandLine() []byte {
	fd, err := syscall.Open("/proc/self/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	return readAll(fd)
}

// readAll returns nothing when it can't have everything.
func readAll(fd int) []byte {
	var all []byte
	var buf [4096]byte
	for len(all) < maxAnswer {
		n, err := syscall.Read(fd, buf[:])
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return nil
		case n == 0:
			return all
		default:
			all = append(all, buf[:n]...)
		}
	}
	return nil
}

func split(line []byte) []string {
	var args []string
	begin := 0
	for i, b := range line {
		if b == 0 {
			args = append(args, string(line[begin:i]))
			begin = i + 1
		}
	}
	return args
}
