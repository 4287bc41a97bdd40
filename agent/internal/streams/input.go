//go:build linux

package streams

import (
	"os"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
)

// Input is what clients write to a process, and the size of its terminal. The zero Input is that of a process that does
// not run yet.
type Input struct {
	mu     sync.Mutex
	stdin  *os.File
	master *os.File // of the terminal
	window api.Size // for a terminal to come
}

// Connect makes the process's input and terminal known to the clients.
func (in *Input) Connect(p *Pipes) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stdin, in.master = p.stdin, p.master
	if in.master != nil && in.window != (api.Size{}) {
		_ = resize(in.master, in.window) // it was set while the process started; it may have ended since
	}
}

// Disconnect closes both.
func (in *Input) Disconnect() {
	in.mu.Lock()
	defer in.mu.Unlock()
	closeAll(in.stdin, in.master)
	in.stdin, in.master = nil, nil
}

// Close closes the standard input. A terminal stays.
func (in *Input) Close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	closeAll(in.stdin)
	in.stdin = nil
}

// Resize sets the terminal's size, now or when it comes to be. The zero size changes nothing.
func (in *Input) Resize(size api.Size) {
	if size == (api.Size{}) {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.window = size
	if in.master != nil {
		_ = resize(in.master, size) // the process has ended
	}
}

// Size is what Resize has set.
func (in *Input) Size() api.Size {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.window
}

// Write drops what the process does not want: it closed its standard input or has ended.
func (in *Input) Write(p []byte) {
	in.mu.Lock()
	f := in.stdin
	if in.master != nil {
		f = in.master
	}
	in.mu.Unlock()
	if f != nil {
		_, _ = f.Write(p)
	}
}
