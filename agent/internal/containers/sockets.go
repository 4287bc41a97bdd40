//go:build linux

package containers

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

// socketOf tells where the agent that manages the container serves.
func (s *Service) socketOf(r *http.Request, _ wire.None) (string, error) {
	id := r.PathValue("id")
	target, err := s.find(r.Context(), id, func(*records.State) bool { return false })
	if err != nil {
		return "", err
	}
	if target != "" {
		return target, nil
	}
	m := s.mine(id)
	if m == nil || !live(m.state().State.Status) {
		st, err := s.records.State(id)
		if err != nil {
			return "", err
		}
		return "", notRunning(id, st.State.Status)
	}
	return s.Socket, nil
}

func (s *Service) dial(w http.ResponseWriter, r *http.Request) { s.sendSocket(w, r, netns.DialFile) }

func (s *Service) listen(w http.ResponseWriter, r *http.Request) {
	s.sendSocket(w, r, netns.ListenFile)
}

// sendSocket makes a socket in the container's network namespace and gives it to the client.
func (s *Service) sendSocket(w http.ResponseWriter, r *http.Request, open func(context.Context, *netns.NS, string, string) (*os.File, error)) {
	var req api.SocketRequest
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	f, err := s.openSocket(r, req, open)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer f.Close()
	wire.SendFile(w, f)
}

func (s *Service) openSocket(r *http.Request, req api.SocketRequest, open func(context.Context, *netns.NS, string, string) (*os.File, error)) (*os.File, error) {
	id := r.PathValue("id")
	m := s.mine(id)
	if m == nil {
		return nil, records.NotFound(id)
	}
	run, err := m.current()
	if err != nil {
		return nil, err
	}
	ns, err := process.Look(run.proc.Process, func(pid int) (*netns.NS, error) {
		return netns.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	})
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	f, err := open(r.Context(), ns, req.Network, req.Address)
	if err != nil {
		return nil, networks.Error(err)
	}
	return f, nil
}
