//go:build linux

package container_test

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

var (
	info    = container.Info{ID: playedID, Name: "web", State: container.State{Status: container.StatusRunning, Started: at}, Command: []string{"server"}, Options: container.Options{Image: "app"}}
	volume  = container.Volume{Name: "data", Created: at, Path: "/volumes/data/_data"}
	network = container.NetworkInfo{NetworkOptions: container.NetworkOptions{Name: "front"}, Created: at}
	pruned  = container.PruneResult{Deleted: []string{playedID}, Space: 9}
)

var verbs = map[string]verb{
	"Create": {api.ContainerCreate, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		c, err := e.Create(ctx, container.Options{Image: "app", Name: "web", Process: container.ProcessConfig{Init: true}})
		if err != nil {
			return nil, err
		}
		return c.Name(), nil
	}, `{"image": "app", "name": "web", "entrypoint": null, "cmd": null, "process": {"init": true}}`, agenttest.Answer(api.Created{ID: playedID, Name: "web"}), "web"},
	"Get": {api.ContainerGet, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		c, err := e.Get(ctx, "we")
		if err != nil {
			return nil, err
		}
		return c.ID(), nil
	}, `{"ref": "we"}`, agenttest.Answer(api.Created{ID: playedID, Name: "web"}), playedID},
	"List": {api.ContainerList, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.List(ctx, container.ListOptions{All: true, ExitCodes: []int{0}})
	}, `{"all": true, "exitCodes": [0]}`, agenttest.Answer([]container.Info{info}), []container.Info{info}},
	"Prune": {api.ContainerPrune, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.Prune(ctx, container.PruneOptions{Until: at})
	}, `{"until": "2026-01-02T03:04:05.000000006Z"}`, agenttest.Answer(pruned), pruned},
	"Events": {api.Events, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		var ids []string
		for ev, err := range e.Events(ctx, container.EventsOptions{Container: "web", Actions: []container.EventAction{container.EventDie}}) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, ev.ID)
		}
		return ids, nil
	}, `{"container": "web", "actions": ["die"]}`, agenttest.Events(
		agenttest.Progress(container.Event{ID: "1"}), agenttest.Progress(container.Event{ID: "2"}), agenttest.Done(nothing{})), []string{"1", "2"}},

	"CreateVolume": {api.VolumeCreate, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.CreateVolume(ctx, container.VolumeOptions{Name: "data"})
	}, `{"name": "data"}`, agenttest.Answer(volume), &volume},
	"Volume": {api.VolumeGet, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.Volume(ctx, "data")
	}, `{"name": "data"}`, agenttest.Answer(volume), &volume},
	"Volumes": {api.VolumeList, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.Volumes(ctx)
	}, "", agenttest.Answer([]container.Volume{volume}), []container.Volume{volume}},
	"RemoveVolume": {api.VolumeRemove, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return none(e.RemoveVolume(ctx, "data"))
	}, `{"name": "data"}`, ok, nothing{}},
	"PruneVolumes": {api.VolumePrune, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.PruneVolumes(ctx, container.PruneVolumesOptions{All: true})
	}, `{"all": true}`, agenttest.Answer(pruned), pruned},

	"CreateNetwork": {api.NetworkCreate, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.CreateNetwork(ctx, container.NetworkOptions{Name: "front", Internal: true})
	}, `{"name": "front", "internal": true}`, agenttest.Answer(network), &network},
	"Network": {api.NetworkGet, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.Network(ctx, "front")
	}, `{"name": "front"}`, agenttest.Answer(network), &network},
	"Networks": {api.NetworkList, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.Networks(ctx)
	}, "", agenttest.Answer([]container.NetworkInfo{network}), []container.NetworkInfo{network}},
	"RemoveNetwork": {api.NetworkRemove, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return none(e.RemoveNetwork(ctx, "front"))
	}, `{"name": "front"}`, ok, nothing{}},
	"PruneNetworks": {api.NetworkPrune, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.PruneNetworks(ctx)
	}, "", agenttest.Answer([]string{"front"}), []string{"front"}},

	"Start":       simple(api.ContainerStart, (*container.Container).Start),
	"Pause":       simple(api.ContainerPause, (*container.Container).Pause),
	"Resume":      simple(api.ContainerResume, (*container.Container).Resume),
	"WaitHealthy": simple(api.ContainerWaitHealthy, (*container.Container).WaitHealthy),
	"Stop": {api.ContainerStop, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Stop(ctx, container.StopOptions{Signal: "SIGINT", Timeout: time.Second}))
	}, `{"signal": "SIGINT", "timeout": 1000000000}`, ok, nothing{}},
	"Kill": {api.ContainerKill, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Kill(ctx, "HUP"))
	}, `{"signal": "HUP"}`, ok, nothing{}},
	"Restart": {api.ContainerRestart, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Restart(ctx, container.StopOptions{}))
	}, `{}`, ok, nothing{}},
	"Remove": {api.ContainerRemove, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Remove(ctx, container.RemoveOptions{Force: true, KeepVolumes: true}))
	}, `{"force": true, "keepVolumes": true}`, ok, nothing{}},
	"Resize": {api.ContainerResize, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Resize(ctx, container.Size{Width: 80, Height: 25}))
	}, `{"width": 80, "height": 25}`, ok, nothing{}},
	"Host": {api.Host, func(ctx context.Context, e *container.Engine, _ *container.Container) (any, error) {
		return e.Host(ctx)
	}, "", agenttest.Answer(container.HostInfo{Name: "here", CPUs: 2}), &container.HostInfo{Name: "here", CPUs: 2}},
	"Rename": {api.ContainerRename, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Rename(ctx, "shop"))
	}, `{"name": "shop"}`, ok, nothing{}},
	"Update": {api.ContainerUpdate, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Update(ctx, container.UpdateOptions{Restart: container.RestartPolicy{Mode: container.RestartAlways}}))
	}, `{"restart": {"mode": "always"}}`, ok, nothing{}},
	"Connect": {api.ContainerConnect, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Connect(ctx, container.Endpoint{Network: "front", Aliases: []string{"db"}}))
	}, `{"network": "front", "aliases": ["db"]}`, ok, nothing{}},
	"Disconnect": {api.ContainerDisconnect, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.Disconnect(ctx, "front"))
	}, `{"name": "front"}`, ok, nothing{}},
	"Hold": {api.ContainerHold, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		release, err := c.Hold(ctx)
		if err == nil {
			release()
			release()
		}
		return none(err)
	}, "", agenttest.Then(agenttest.Raw(200, ""), agenttest.Hang()), nothing{}},

	"Inspect": {api.ContainerInspect, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return c.Inspect(ctx)
	}, "", agenttest.Answer(info), &info},
	"Wait": {api.ContainerWait, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return c.Wait(ctx)
	}, "", agenttest.Answer(container.State{ExitCode: 3}), container.State{ExitCode: 3}},
	"Top": {api.ContainerTop, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return c.Top(ctx)
	}, "", agenttest.Answer([]container.Process{{PID: 1}}), []container.Process{{PID: 1}}},
	"Diff": {api.ContainerDiff, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return c.Diff(ctx)
	}, "", agenttest.Answer([]container.Change{{Kind: "A", Path: "/x"}}), []container.Change{{Kind: container.ChangeAdded, Path: "/x"}}},
	"Stats": {api.ContainerStats, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		st, err := c.Stats(ctx)
		return st.CPUPercent, err
	}, "", agenttest.Answer(api.Sample[container.Stats]{Stats: container.Stats{Time: at.Add(10 * time.Second), CPU: 5 * time.Second}, Started: at}), 50.0},
	"StatPath": {api.ContainerStat, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return c.StatPath(ctx, "/etc/note")
	}, `{"path": "/etc/note", "options": {}}`, agenttest.Answer(container.FileInfo{Name: "note", Size: 5}), &container.FileInfo{Name: "note", Size: 5}},
	"Fork": {api.ContainerFork, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		f, err := c.Fork(ctx, container.ForkOptions{Name: "web", Labels: map[string]string{"a": "b"}, Detach: true})
		if err != nil {
			return nil, err
		}
		return f.Name(), nil
	}, `{"name": "web", "labels": {"a": "b"}, "detach": true}`, agenttest.Answer(api.Created{ID: playedID, Name: "web"}), "web"},
	"Commit": {api.ContainerCommit, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return c.Commit(ctx, container.CommitOptions{Tags: []string{"app:2"}, NoPause: true})
	}, `{"tags": ["app:2"], "noPause": true}`, agenttest.Answer(image.Image{ID: "sha256:02"}), &image.Image{ID: "sha256:02"}},

	"Attach": {api.ContainerAttach, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		var out bytes.Buffer
		at, err := c.Attach(ctx, container.AttachOptions{Stdin: strings.NewReader("in"), Stdout: &out, Logs: true, Size: container.Size{Width: 80, Height: 25}})
		if err != nil {
			return nil, err
		}
		_, err = at.Wait()
		return out.String(), err
	}, `{"stdin": true, "logs": true, "size": {"width": 80, "height": 25}}`, says("out", "errs", 0), "out"},
	"Exec": {api.ContainerExec, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		cmd := c.Command("id", "-u")
		cmd.Env, cmd.Dir, cmd.User = []string{"A=b"}, "/tmp", "7"
		b, err := cmd.Output(ctx)
		return string(b), err
	}, `{"args": ["id", "-u"], "env": ["A=b"], "dir": "/tmp", "user": "7"}`, says("7\n", "", 0), "7\n"},
	"Exec, detached": {api.ContainerExec, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		cmd := c.Command("daemon")
		cmd.Detach, cmd.TTY, cmd.Privileged = true, true, true
		return none(cmd.Start(ctx))
	}, `{"args": ["daemon"], "tty": true, "privileged": true, "detach": true}`, ok, nothing{}},
	"CopyTo": {api.ContainerCopyTo, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(c.CopyTo(ctx, "/srv", strings.NewReader("a tar"), container.CopyOptions{Owner: "7:8"}))
	}, `{"path": "/srv", "options": {"owner": "7:8"}}`, agenttest.Upgrade(func(c *agenttest.Conn) {
		takes(c)
		_ = c.Send(agenttest.Frame{Kind: api.Exit, JSON: nothing{}})
	}), nothing{}},
	"CopyFrom": {api.ContainerCopyFrom, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		r, _, err := c.CopyFrom(ctx, "/etc", container.CopyFromOptions{Follow: true})
		return readAll(r, err)
	}, `{"path": "/etc", "options": {"follow": true}}`, agenttest.Frames(
		agenttest.Frame{Kind: api.Started, JSON: container.FileInfo{Name: "etc"}}, agenttest.Frame{Kind: api.Stdout, Data: "a tar"}, agenttest.Frame{Kind: api.Exit}), "a tar"},
	"Export": {api.ContainerExport, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return readAll(c.Export(ctx))
	}, "", agenttest.Frames(agenttest.Frame{Kind: api.Stdout, Data: "a tar"}, agenttest.Frame{Kind: api.Exit}), "a tar"},
	"Logs": {api.ContainerLogs, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		var out bytes.Buffer
		err := c.Logs(ctx, container.LogsOptions{Stdout: &out, Stderr: &out, Tail: 2, Timestamps: true})
		return out.String(), err
	}, `{"tail": 2}`, agenttest.Frames(stamped(api.Stdout, "out\n"), stamped(api.Stderr, "errs\n")),
		"2026-01-02T03:04:05.000000006Z out\n2026-01-02T03:04:05.000000006Z errs\n"},
}
