//go:build linux

package containers

import (
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/procstat"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
)

func (s *Service) top(r *http.Request, _ wire.None) ([]container.Process, error) {
	m, run, err := s.theirs(r)
	if err != nil {
		return nil, err
	}
	procs, err := m.processes(run)
	if err != nil {
		return nil, err
	}
	if passwd, err := launch.OpenInRoot(m.state().RootFS, "/etc/passwd"); err == nil {
		procstat.NameUsers(procs, passwd)
		passwd.Close()
	}
	return procs, nil
}

// processes describes the container's processes, with user ids for names.
func (m *managed) processes(r *run) ([]container.Process, error) {
	pids, err := r.rc.Processes()
	if err != nil || len(pids) == 0 { // an ordinary user's container has no cgroup
		if pids, err = process.Look(r.proc.Process, procstat.InNamespace); err != nil {
			return nil, err
		}
	}
	procs, err := procstat.List(pids)
	if err == nil && len(procs) == 0 {
		err = notRunning(m.rec.ID, container.StatusExited)
	}
	return procs, err
}
