package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signals takes what the terminal and the system send to this process: first to cancel the command, later on to pass
// to the container (docker run --sig-proxy).
type signals struct {
	ch      chan os.Signal
	done    chan struct{}
	mu      sync.Mutex
	deliver func(os.Signal)
	pending []os.Signal // what cancelled the command or came while they were held, until it is forwarded
}

// signalError is why a command was cancelled.
type signalError struct{ sig os.Signal }

func (e *signalError) Error() string { return e.sig.String() }

// code is what a shell reports for a process that the signal ended.
func (e *signalError) code() int {
	if s, ok := e.sig.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return 1
}

func catchSignals(cancel func(error)) *signals {
	s := &signals{ch: make(chan os.Signal, 128), done: make(chan struct{})}
	s.deliver = func(sig os.Signal) {
		s.pending = append(s.pending, sig)
		cancel(&signalError{sig})
	}
	signal.Notify(s.ch, os.Interrupt, syscall.SIGTERM)
	go s.loop()
	return s
}

func (s *signals) loop() {
	for {
		select {
		case sig := <-s.ch:
			s.mu.Lock()
			s.deliver(sig)
			s.mu.Unlock()
		case <-s.done:
			return
		}
	}
}

// hold keeps every signal from now on for forward: a container may show that it runs before Start has returned.
func (s *signals) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver = func(sig os.Signal) { s.pending = append(s.pending, sig) }
	signal.Notify(s.ch)
}

// forward passes every signal to kill from now on, and those that came just before. What is the process's own
// business stays here: its children, pipes and the Go scheduler's preemption.
func (s *signals) forward(kill func(sig syscall.Signal)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver = func(sig os.Signal) {
		if n, ok := sig.(syscall.Signal); ok && !ownSignal(n) {
			kill(n)
		}
	}
	signal.Notify(s.ch)
	for _, sig := range s.pending {
		s.deliver(sig)
	}
	s.pending = nil
}

func (s *signals) stop() {
	signal.Stop(s.ch)
	close(s.done)
}
