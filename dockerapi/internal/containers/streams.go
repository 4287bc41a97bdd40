package containers

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/filters"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

func (s *Service) logs(w http.ResponseWriter, r *wire.Request) error {
	o, err := logsOptions(r)
	if err != nil {
		return err
	}
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	if err != nil {
		return err
	}
	if extra, _ := shape.ExtraOf(&info.Options); extra.Host.LogType == "none" {
		return wire.Errorf(http.StatusNotImplemented, "configured logging driver does not support reading")
	}
	w.Header().Set("Content-Type", wire.MediaType(r.Version, info.Options.TTY))
	streams := wire.Multiplex(wire.Flushed(w), info.Options.TTY).Chosen(r.Bool("stdout"), r.Bool("stderr"))
	if info.Options.TTY && !r.Bool("stdout") {
		streams.Stdout = nil // a terminal has one stream
	}
	o.Stdout, o.Stderr = streams.Stdout, streams.Stderr
	return c.Logs(r.Context(), o)
}

func logsOptions(r *wire.Request) (o container.LogsOptions, err error) {
	if !r.Bool("stdout") && !r.Bool("stderr") {
		return o, wire.BadRequest("Bad parameters: you must choose at least one stream")
	}
	o.Follow, o.Timestamps = r.Bool("follow"), r.Bool("timestamps")
	now := time.Now()
	if o.Since, err = filters.Moment(r.Query("since"), now); err != nil {
		return o, err
	}
	if o.Until, err = filters.Moment(r.Query("until"), now); err != nil {
		return o, err
	}
	switch tail := r.Query("tail"); tail {
	case "", "all":
	default:
		n, err := strconv.Atoi(tail)
		if err != nil || n < 0 {
			return o, nil // all, as in Docker
		}
		o.Tail = n
		if n == 0 {
			o.Tail = -1
		}
	}
	return o, nil
}

func (s *Service) attach(w http.ResponseWriter, r *wire.Request) error {
	a, err := s.attachment(r)
	if err != nil {
		return err
	}
	conn, err := wire.Hijack(w, r, wire.MediaType(r.Version, a.info.Options.TTY))
	if err != nil {
		return err
	}
	defer conn.Finish()
	a.serve(r, conn, wire.Multiplex(conn, a.info.Options.TTY))
	return nil
}

// attachment is a request for the streams of a container.
type attachment struct {
	c     *container.Container
	info  *container.Info
	extra shape.Extra
	keys  string
}

func (s *Service) attachment(r *wire.Request) (*attachment, error) {
	c, info, err := s.Backend.Inspect(r.Context(), r.Name)
	if err != nil {
		return nil, err
	}
	switch info.State.Status {
	case container.StatusPaused:
		return nil, wire.Conflict("container %s is paused, unpause the container before attach", r.Name)
	case container.StatusRestarting:
		return nil, wire.Conflict("container %s is restarting, wait until the container is running", r.Name)
	}
	a := &attachment{c: c, info: info}
	a.extra, _ = shape.ExtraOf(&info.Options)
	if a.keys, err = detachKeys(r.Query("detachKeys"), info.Options.TTY); err != nil {
		return nil, err
	}
	return a, nil
}

// detachKeys are those of a terminal: Docker's, if the client names none.
func detachKeys(keys string, tty bool) (string, error) {
	for _, key := range strings.Split(keys, ",") {
		letter, ctrl := strings.CutPrefix(key, "ctrl-")
		if keys != "" && (len(letter) != 1 || ctrl && !strings.Contains("abcdefghijklmnopqrstuvwxyz@[\\]^_", letter)) {
			return "", wire.BadRequest("Invalid detach keys (%s) provided", keys)
		}
	}
	switch {
	case !tty:
		return "", nil
	case keys == "":
		return container.DefaultDetachKeys, nil
	}
	return keys, nil
}

// serve connects a client with the container, until the container ends or the client goes.
func (a *attachment) serve(r *wire.Request, conn *wire.Conn, streams wire.Streams) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	streams = streams.Chosen(r.Bool("stdout"), r.Bool("stderr"))
	if !r.Bool("stream") {
		if r.Bool("logs") {
			_ = a.c.Logs(ctx, container.LogsOptions{Stdout: streams.Stdout, Stderr: streams.Stderr}) // the client is gone when it fails
		}
		return
	}
	o := container.AttachOptions{Stdout: streams.Stdout, Stderr: streams.Stderr, Logs: r.Bool("logs"), DetachKeys: a.keys}
	withInput := r.Bool("stdin") && a.info.Options.Stdin
	// Docker closes the input of the process with that of the client only if it was told so, and never a terminal.
	in := wire.NewInput(ctx, conn, !withInput || !a.extra.StdinOnce || a.info.Options.TTY, cancel)
	if withInput {
		o.Stdin = in
	} else {
		o.DetachKeys = ""
		go in.Discard()
	}
	at, err := a.c.Attach(ctx, o)
	if err != nil {
		if streams.Stderr != nil {
			_, _ = io.WriteString(streams.Stderr, err.Error()+"\r\n")
		}
		return
	}
	defer at.Close()
	_, _ = at.Wait() // how the container ended is what wait and inspect tell
}

func (s *Service) attachWebSocket(w http.ResponseWriter, r *wire.Request) error {
	a, err := s.attachment(r)
	if err != nil {
		return err
	}
	return wire.WebSocket(w, r, func(conn *wire.Conn, out io.Writer) {
		a.serve(r, conn, wire.Streams{Stdout: out, Stderr: out})
	})
}
