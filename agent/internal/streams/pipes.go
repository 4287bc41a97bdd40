//go:build linux

package streams

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/runc"
	"github.com/caisson-dev/caisson/internal/api"
)

// Pipes are a process's standard streams, or its terminal.
type Pipes struct {
	stdin, stdout, stderr                *os.File // ours
	theirStdin, theirStdout, theirStderr *os.File

	console, theirConsole *os.File // the socket that the master of a new terminal comes by
	master                *os.File // after Terminal
}

// New makes streams, or with a terminal the socket for it.
func New(stdin, tty bool) (*Pipes, error) {
	p := &Pipes{}
	var err error
	switch {
	case tty:
		return p, p.newConsole()
	case stdin:
		p.theirStdin, p.stdin, err = os.Pipe()
	default:
		p.theirStdin, err = os.Open(os.DevNull)
	}
	if err == nil {
		p.stdout, p.theirStdout, err = os.Pipe()
	}
	if err == nil {
		p.stderr, p.theirStderr, err = os.Pipe()
	}
	if err != nil {
		p.CloseTheirs()
		p.CloseOurs()
		return nil, err
	}
	for _, f := range []*os.File{p.stdout, p.stderr} {
		// Fewer, larger reads under load. Refused above the user's limit: then the default does.
		if c, err := f.SyscallConn(); err == nil {
			_ = c.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 256<<10) })
		}
	}
	return p, nil
}

// Null are the streams of a process that no one is connected to.
func Null() (*Pipes, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &Pipes{theirStdin: null, theirStdout: null, theirStderr: null}, nil
}

func (p *Pipes) newConsole() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	p.console, p.theirConsole = os.NewFile(uintptr(fds[0]), "console"), os.NewFile(uintptr(fds[1]), "console")
	return nil
}

// IO is what the runtime passes to the process.
func (p *Pipes) IO(size api.Size) runc.IO {
	return runc.IO{
		Stdin: p.theirStdin, Stdout: p.theirStdout, Stderr: p.theirStderr,
		Console: p.theirConsole, Width: size.Width, Height: size.Height,
	}
}

// Terminal takes the master of the terminal that the started process has made.
func (p *Pipes) Terminal() error {
	if p.console == nil {
		return nil
	}
	buf, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(p.console.Fd()), buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("recvmsg", err)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		return errors.Join(errors.New("the process sent no terminal"), err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return errors.Join(errors.New("the process sent no terminal"), err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil { // so that Go polls it
		unix.Close(fds[0])
		return err
	}
	p.master = os.NewFile(uintptr(fds[0]), "terminal")
	return nil
}

// CloseTheirs closes what the process has its own descriptors of.
func (p *Pipes) CloseTheirs() { closeAll(p.theirStdin, p.theirStdout, p.theirStderr, p.theirConsole) }

// CloseOurs closes the streams.
func (p *Pipes) CloseOurs() { closeAll(p.stdin, p.stdout, p.stderr, p.console, p.master) }

// outputs are what the process writes to, by the frames that carry it. A terminal is one.
func (p *Pipes) outputs() map[api.Kind]*os.File {
	if p.master != nil {
		return map[api.Kind]*os.File{api.Stdout: p.master}
	}
	out := map[api.Kind]*os.File{}
	for kind, f := range map[api.Kind]*os.File{api.Stdout: p.stdout, api.Stderr: p.stderr} {
		if f != nil { // it is /dev/null otherwise
			out[kind] = f
		}
	}
	return out
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// terminalReader makes the error that a terminal gives when its last process has closed it into an end of file.
type terminalReader struct{ f *os.File }

func (t terminalReader) Read(b []byte) (int, error) {
	n, err := t.f.Read(b)
	if errors.Is(err, unix.EIO) {
		err = io.EOF
	}
	return n, err
}

// resize tells the terminal its size, and the processes in it get SIGWINCH.
func resize(master *os.File, size api.Size) error {
	c, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var rerr error
	err = c.Control(func(fd uintptr) {
		rerr = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	})
	return errors.Join(err, rerr)
}
