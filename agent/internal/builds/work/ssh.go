//go:build linux

package work

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/unixsock"
)

// ssh serves an SSH agent at a socket until the step is over: another agent's, or one with a key.
func (s *step) ssh(m *Mount) (string, error) {
	dial, err := keys(m.SSH)
	if err != nil {
		return "", api.Errorf(api.ErrInvalidArgument, "ssh %s: %w: name the socket of an SSH agent or a private key's file without a passphrase", m.ID, err)
	}
	dir, err := s.temp()
	if err != nil {
		return "", err
	}
	socket := filepath.Join(dir, "agent")
	l, err := unixsock.Listen(socket)
	if err != nil {
		return "", err
	}
	f := &forward{l: l, dial: dial, conns: map[io.Closer]bool{}}
	go f.serve()
	s.defers(f.close)
	return socket, m.give(socket, 0o600)
}

// maxKey is more than a private key's file has.
const maxKey = 100 << 10

// keys returns what opens a connection to the agent at path, or an agent with the key that is there.
func keys(path string) (func() (agent.Agent, io.Closer, error), error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Mode()&os.ModeSocket != 0 {
		return func() (agent.Agent, io.Closer, error) {
			c, err := unixsock.Dial(context.Background(), path)
			if err != nil {
				return nil, nil, err
			}
			return usable{agent.NewClient(c)}, c, nil
		}, nil
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("it is neither a socket nor a file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxKey))
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParseRawPrivateKey(b)
	if err != nil {
		return nil, err
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		return nil, err
	}
	return func() (agent.Agent, io.Closer, error) { return usable{ring.(agent.ExtendedAgent)}, &nowhere{}, nil }, nil
}

// nowhere is the connection to an agent in this process.
type nowhere struct{ _ byte }

// Close closes nothing.
func (*nowhere) Close() error { return nil }

// usable is an agent whose keys can be used, and not changed.
type usable struct{ agent.ExtendedAgent }

var errReadOnly = errors.New("a build can use the keys of this agent, and not change them")

// Add, Remove, RemoveAll, Lock, Unlock and Extension are refused.
func (usable) Add(agent.AddedKey) error                 { return errReadOnly }
func (usable) Remove(ssh.PublicKey) error               { return errReadOnly }
func (usable) RemoveAll() error                         { return errReadOnly }
func (usable) Lock([]byte) error                        { return errReadOnly }
func (usable) Unlock([]byte) error                      { return errReadOnly }
func (usable) Extension(string, []byte) ([]byte, error) { return nil, agent.ErrExtensionUnsupported }

// forward serves connections of a step.
type forward struct {
	l    net.Listener
	dial func() (agent.Agent, io.Closer, error)
	wg   sync.WaitGroup

	mu     sync.Mutex
	conns  map[io.Closer]bool
	closed bool
}

func (f *forward) serve() {
	for {
		c, err := f.l.Accept()
		if err != nil {
			return // it is closed
		}
		if !f.add(c) {
			c.Close()
			return
		}
		go f.answer(c)
	}
}

// add has c closed with the step, unless that is over. What waits for c is counted.
func (f *forward) add(c io.Closer) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.conns[c] = true
	f.wg.Add(1)
	return true
}

func (f *forward) drop(c io.Closer) {
	f.mu.Lock()
	delete(f.conns, c)
	f.mu.Unlock()
	c.Close()
	f.wg.Done()
}

func (f *forward) answer(c net.Conn) {
	defer f.drop(c)
	a, up, err := f.dial()
	if err != nil {
		return // the step sees that there is no answer
	}
	if !f.add(up) {
		up.Close()
		return
	}
	defer f.drop(up)
	_ = agent.ServeAgent(a, c) // until the step closes it
}

func (f *forward) close() error {
	f.mu.Lock()
	f.closed = true
	for c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	err := f.l.Close()
	f.wg.Wait()
	return err
}
