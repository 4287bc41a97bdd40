package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/version"
)

// EnvDebug makes the agent write its log to this process's standard error.
const EnvDebug = "CAISSON_DEBUG"

// process is a running agent and the lifeline to it.
type process struct {
	socket   string
	lifeline *os.File
	wait     func() (Exit, error)
	warning  string   // what it has to do without
	stderr   *os.File // what a dying agent wrote

	done chan struct{} // closed when the agent has ended
	err  error         // valid after done

	mu      sync.Mutex
	loggers []*slog.Logger
	stopped bool
}

// Exit is how an agent ended: an *os.ProcessState, but where a test plays the agent.
type Exit interface {
	Success() bool
	String() string
}

// Launch starts an agent with its configuration as JSON, its standard error, and its end of the lifeline, which it must
// not keep but duplicate. wait waits for its end.
type Launch func(cfg string, stderr, lifeline *os.File) (wait func() (Exit, error), err error)

// launcher is Launch, with more of what it has started.
type launcher func(cfg string, stderr, lifeline *os.File) (started, error)

type started struct {
	wait    func() (Exit, error)
	warning string // what the agent has to do without
}

func (l Launch) launcher() launcher {
	return func(cfg string, stderr, lifeline *os.File) (started, error) {
		wait, err := l(cfg, stderr, lifeline)
		return started{wait: wait}, err
	}
}

// start runs an agent and waits until it serves.
func start(ctx context.Context, root, run string, o Options) (*process, error) {
	bin, src, launch, err := choose(ctx, root, o.AgentSources)
	if err != nil {
		if ctx.Err() != nil {
			return nil, api.Ended(ctx)
		}
		return nil, err
	}
	cfg, err := json.Marshal(api.Config{Role: api.RoleOwner, Root: root, RunRoot: run, ReadOnly: o.ReadOnly, Debug: os.Getenv(EnvDebug) != ""})
	if err != nil {
		return nil, err
	}
	p, err := spawn(string(cfg), launch)
	if err != nil {
		return nil, fmt.Errorf("start the agent %s: %w", bin.Path, err)
	}
	p.addLogger(o.Logger)
	if p.warning != "" {
		p.log(api.Log{Level: int(slog.LevelWarn), Message: "containers have one user id", Attrs: map[string]any{"error": p.warning}})
	}
	dec := json.NewDecoder(p.lifeline)
	hello, err := p.hello(ctx, dec)
	if ctx.Err() != nil && err != nil {
		return nil, api.Ended(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("start the agent %s: %w", bin.Path, p.err)
	}
	if hello.Err != nil {
		p.stopped = true
		p.lifeline.Close()
		p.ended()
		return nil, hello.Err
	}
	err = bin.Serves(src, hello.Version)
	if err == nil && hello.Protocol != api.Protocol {
		err = fmt.Errorf("agent %s speaks protocol %s, this program %s", bin.Path, hello.Protocol, api.Protocol)
	}
	p.socket = hello.Socket
	go p.read(dec)
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// choose finds the agent to start.
func choose(ctx context.Context, root string, sources []string) (agentbin.Binary, version.Source, launcher, error) {
	if l, ok := fakes.Load(root); ok {
		return agentbin.Binary{Path: "of a test", How: "fake"}, version.Source{Version: FakeVersion}, l.(Launch).launcher(), nil
	}
	bin, src, err := agentbin.Find(ctx, sources)
	return bin, src, launcherOf(bin.Path), err
}

// launcherOf starts the agent's binary.
func launcherOf(path string) launcher {
	return func(cfg string, stderr, lifeline *os.File) (started, error) {
		return launch(path, cfg, stderr, lifeline)
	}
}

// hello waits until the agent serves, or says why it does not. After an error the agent has ended, or ends by itself when
// it is the error of ctx.
func (p *process) hello(ctx context.Context, dec *json.Decoder) (hello api.Hello, err error) {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		p.stopped = true
		p.mu.Unlock()
		_ = unix.Shutdown(p.fd(), unix.SHUT_RDWR) // it ends when its owner is gone
	})
	err = dec.Decode(&hello)
	if err == nil && !stop() {
		err = context.Cause(ctx)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		go p.ended()
	default:
		p.ended()
	}
	return hello, err
}

// spawn starts an agent with a lifeline to it.
func spawn(cfg string, launch launcher) (*process, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "lifeline"), os.NewFile(uintptr(fds[1]), "lifeline")
	defer theirs.Close()
	p := &process{lifeline: ours, done: make(chan struct{})}
	if p.stderr, err = memfile(); err != nil {
		ours.Close()
		return nil, err
	}
	s, err := launch(cfg, p.stderr, theirs)
	if err != nil {
		ours.Close()
		p.stderr.Close()
		return nil, err
	}
	p.wait, p.warning = s.wait, s.warning
	return p, nil
}

// launch forks the agent: null stdio, own session, own mount namespace, and own user namespace where this process may
// not mount.
func launch(path, cfg string, stderr, lifeline *os.File) (started, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return started{}, err
	}
	defer null.Close()
	attr := &os.ProcAttr{
		Dir:   "/",
		Env:   environ(api.EnvConfig+"="+cfg, api.EnvHook+"="+api.HookAgent),
		Files: []*os.File{null, null, stderr, lifeline},
		Sys:   &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS},
	}
	if os.Getenv(EnvDebug) != "" {
		attr.Files[2] = os.Stderr
	}
	var proc *os.Process
	var warning string
	if mayMount() {
		proc, err = os.StartProcess(path, []string{api.AgentArg0}, attr)
	} else {
		proc, warning, err = startInUserNS(path, attr)
	}
	if err != nil {
		return started{}, err
	}
	return started{warning: warning, wait: func() (Exit, error) {
		st, err := proc.Wait()
		return st, err
	}}, nil
}

// environ is this process's environment behind what is given: of two values of a name, Go takes the first.
func environ(first ...string) []string { return append(first, os.Environ()...) }

func memfile() (*os.File, error) {
	fd, err := unix.MemfdCreate("caisson-agent-stderr", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	// Every writer appends: the owner reads from the beginning with ReadAt.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_APPEND); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "caisson-agent-stderr"), nil
}

// read passes the agent's log on until the lifeline ends.
func (p *process) read(dec *json.Decoder) {
	for {
		var rec api.Log
		if err := dec.Decode(&rec); err != nil {
			p.ended()
			return
		}
		p.log(rec)
	}
}

func (p *process) log(rec api.Log) {
	p.mu.Lock()
	loggers := p.loggers
	p.mu.Unlock()
	for _, l := range loggers {
		attrs := make([]slog.Attr, 0, len(rec.Attrs))
		for k, v := range rec.Attrs {
			attrs = append(attrs, slog.Any(k, v))
		}
		l.LogAttrs(context.Background(), slog.Level(rec.Level), rec.Message, attrs...)
	}
}

func (p *process) addLogger(l *slog.Logger) {
	if l == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, have := range p.loggers {
		if have == l {
			return
		}
	}
	p.loggers = append(p.loggers[:len(p.loggers):len(p.loggers)], l)
}

// ended collects the agent's exit.
func (p *process) ended() {
	st, err := p.wait()
	p.mu.Lock()
	stopped := p.stopped
	p.mu.Unlock()
	switch {
	case stopped && err == nil && st.Success():
	case err != nil:
		p.err = api.Errorf(api.ErrAgentGone, "the agent is gone: %w", err)
	default:
		p.err = api.Errorf(api.ErrAgentGone, "the agent is gone (%s)%s", st, p.lastWords())
	}
	p.lifeline.Close()
	p.stderr.Close()
	close(p.done)
}

func (p *process) lastWords() string {
	const most = 4000
	st, err := p.stderr.Stat()
	if err != nil || st.Size() == 0 {
		return ""
	}
	b, err := io.ReadAll(io.NewSectionReader(p.stderr, max(0, st.Size()-most), most))
	if err != nil {
		return ""
	}
	return ": " + strings.TrimSpace(string(b))
}

func (p *process) gone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// waitGone returns why the agent is gone, or nil if it still runs after d.
func (p *process) waitGone(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.done:
		if p.err == nil {
			return api.Errorf(api.ErrAgentGone, "the agent is gone: the store is closed")
		}
		return p.err
	case <-t.C:
		return nil
	}
}

// stop ends the agent and waits until it has cleaned up.
func (p *process) stop() error {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	if err := unix.Shutdown(p.fd(), unix.SHUT_WR); err != nil && !p.gone() {
		return fmt.Errorf("end the agent: %w", err)
	}
	<-p.done
	return p.err
}

func (p *process) fd() int {
	c, err := p.lifeline.SyscallConn()
	if err != nil {
		return -1
	}
	fd := -1
	_ = c.Control(func(f uintptr) { fd = int(f) }) // a closed lifeline leaves -1, which Shutdown refuses
	return fd
}
