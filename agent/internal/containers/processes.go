//go:build linux

package containers

import (
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/procstat"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// oomKilled says whether the kernel killed processes of the container for its memory, while its cgroup still is there.
func (s *Service) oomKilled(rec *records.Record) bool {
	switch {
	case s.Host.Rootless:
		return false
	case s.Host.Cgroups.Unified():
		return procstat.OOMKilled(filepath.Join("/sys/fs/cgroup", rec.CgroupPath(), "memory.events"))
	}
	return procstat.OOMKilled(filepath.Join("/sys/fs/cgroup/memory", rec.CgroupPath(), "memory.oom_control"))
}

func (s *Service) stats(r *http.Request, _ wire.None) (api.Sample[container.Stats], error) {
	m, run, err := s.theirs(r)
	if err != nil {
		return api.Sample[container.Stats]{}, err
	}
	a := api.Sample[container.Stats]{Stats: container.Stats{Time: time.Now()}, Started: m.state().State.Started}
	if freezable(run) { // it has a cgroup
		err = m.cgroupStats(run, &a.Stats)
	} else {
		err = m.processStats(run, &a.Stats)
	}
	if err == nil {
		err = procstat.Processors(&a.Stats)
	}
	if err == nil && m.rec.Options.Network != container.NetworkHost {
		a.Stats.Networks, err = process.Look(run.proc.Process, func(pid int) (map[string]container.NetworkStats, error) {
			return procstat.Network(fmt.Sprintf("/proc/%d/net/dev", pid))
		})
	}
	if err != nil {
		return api.Sample[container.Stats]{}, m.ended(run, err)
	}
	return a, nil
}

// ended returns err, or that the container does not run where its process has ended meanwhile: what was to be looked at
// is gone before that is recorded.
func (m *managed) ended(r *run, err error) error {
	if r.proc.Ended() {
		return notRunning(m.rec.ID, container.StatusExited)
	}
	return err
}

func (m *managed) cgroupStats(r *run, out *container.Stats) error {
	st, err := r.rc.Libcontainer().Stats()
	if err != nil {
		return err
	}
	return procstat.Cgroup(st.CgroupStats, m.s.Host.Cgroups.Unified(), out)
}

// processStats sums what the processes say of themselves.
func (m *managed) processStats(r *run, out *container.Stats) error {
	procs, err := m.processes(r)
	if err != nil {
		return err
	}
	return procstat.Sum(procs, out)
}

func (s *Service) top(r *http.Request, _ wire.None) ([]container.Process, error) {
	m, run, err := s.theirs(r)
	if err != nil {
		return nil, err
	}
	procs, err := m.processes(run)
	if err != nil {
		return nil, m.ended(run, err)
	}
	if passwd, err := launch.OpenInRoot(m.state().RootFS, "/etc/passwd"); err == nil {
		procstat.NameUsers(procs, passwd)
		passwd.Close()
	}
	return procs, nil
}

// processes describes the container's processes, with user ids for names.
func (m *managed) processes(r *run) ([]container.Process, error) {
	return process.Look(r.proc.Process, func(pid int) ([]container.Process, error) {
		pids, err := r.rc.Processes()
		if err != nil || len(pids) == 0 { // an ordinary user's container has no cgroup
			if pids, err = procstat.InNamespace(pid); err != nil {
				return nil, err
			}
		}
		procs, err := procstat.List(pids)
		if err == nil && len(procs) == 0 { // it has ended, or is between two programs
			err = notRunning(m.rec.ID, container.StatusExited)
		}
		return procs, err
	})
}
