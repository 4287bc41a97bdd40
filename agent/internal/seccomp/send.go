package seccomp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

var (
	// ErrNotInstalled says that a container's process has no filter. It has
	// ended or is about to; its user's program has not run.
	ErrNotInstalled = errors.New("seccomp: filter not installed")

	// ErrTimeout says that the process did not answer in time. It may still
	// install the filter; end it.
	ErrTimeout = errors.New("seccomp: no answer from the container's process")
)

// Conn is the parent's end of the connection to the process: what [Pair]
// returns, or a net.Conn.
type Conn interface {
	io.ReadWriter
	SetDeadline(time.Time) error
}

// Send gives the program to a process that waits in gate.Gate, and returns
// when all its threads have the filter. The init process must not be let past
// its exec fifo before that, and not at all after an error.
//
// Errors match [ErrNotInstalled], [ErrTimeout] or gate.ErrProgram.
func Send(c Conn, program []byte, timeout time.Duration) error {
	if err := Post(c, program, timeout); err != nil {
		return err
	}
	return Await(c, timeout)
}

// Post is Send's first half. For a process that calls gate.Direct, post
// before it starts (a program fits into the socket's buffer), since it starts
// no further without, and [Await] afterwards.
func Post(c Conn, program []byte, timeout time.Duration) error {
	if _, _, err := gate.Decode(program); err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return fmt.Errorf("seccomp: deadline for the gate: %w", err)
	}
	if _, err := c.Write(program); err != nil {
		return answerError("send the program", timeout, err)
	}
	return nil
}

// maxAnswer bounds what is read from the process, which is not to be trusted.
const maxAnswer = 4096

// Await is Send's second half: it waits for the process's acknowledgement.
func Await(c Conn, timeout time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return fmt.Errorf("seccomp: deadline for the gate: %w", err)
	}
	line, err := bufio.NewReader(io.LimitReader(c, maxAnswer)).ReadString('\n')
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: no acknowledgement: the process ended, or the profile denies sendto", ErrNotInstalled)
	case err != nil:
		return answerError("wait for the acknowledgement", timeout, err)
	}
	if line = strings.TrimSuffix(line, "\n"); line != gate.Ack {
		return fmt.Errorf("%w: %s", ErrNotInstalled, strings.TrimPrefix(line, "seccomp: "))
	}
	return nil
}

// Executed waits, after [Await], until the process has executed its program or
// is over. It returns an error that matches [ErrTimeout] if neither happens in
// time.
func Executed(c Conn, timeout time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return fmt.Errorf("seccomp: deadline for the gate: %w", err)
	}
	_, err := io.Copy(io.Discard, io.LimitReader(c, maxAnswer))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: it executes nothing for %v", ErrTimeout, timeout)
	}
	return nil // an error is how some ends of the connection look
}

func answerError(what string, timeout time.Duration, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %s: nothing for %v", ErrTimeout, what, timeout)
	}
	return fmt.Errorf("%w: %s: %w", ErrNotInstalled, what, err)
}
