package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

var inspectCommand = command{
	name: "inspect", args: "NAME|ID [NAME|ID...]", short: "Describe containers and images as JSON", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		how := templateFlag(flags)
		return func(ctx context.Context, c *cli, args []string) error {
			return c.describe(args, *how, func(arg string) (any, error) { return c.inspect(ctx, arg) })
		}
	},
}

// inspect looks for a container first, then for an image.
func (c *cli) inspect(ctx context.Context, ref string) (any, error) {
	ctr, err := c.container(ctx, ref)
	if err == nil {
		info, err := ctr.Inspect(ctx)
		if err != nil {
			return nil, err
		}
		return containerJSON(info), nil
	}
	if !errors.Is(err, container.ErrNotFound) {
		return nil, err
	}
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	img, err := store.Get(ctx, ref)
	if errors.Is(err, image.ErrNotFound) || errors.Is(err, image.ErrInvalidReference) {
		return nil, fmt.Errorf("no such object: %s", ref)
	}
	if err != nil {
		return nil, err
	}
	return imageJSON(img), nil
}

type object = map[string]any

// containerJSON has docker inspect's shape, for what the library knows.
func containerJSON(info *container.Info) object {
	path, args := "", []string{}
	if len(info.Command) > 0 {
		path, args = info.Command[0], info.Command[1:]
	}
	o := info.Options
	mounts := []object{}
	for _, m := range info.Mounts {
		mounts = append(mounts, object{"Type": m.Type, "Source": m.Source, "Destination": m.Target, "RW": !m.ReadOnly})
	}
	state := object{
		"Status": info.State.Status, "Running": info.State.Status == container.StatusRunning || info.State.Status == container.StatusPaused,
		"Paused": info.State.Status == container.StatusPaused, "Restarting": info.State.Status == container.StatusRestarting,
		"OOMKilled": info.State.OOMKilled, "Pid": info.PID, "ExitCode": info.State.ExitCode, "Error": info.State.Error,
		"StartedAt": stamp(info.State.Started), "FinishedAt": stamp(info.State.Finished),
	}
	if info.Health != nil {
		state["Health"] = healthJSON(info.Health)
	}
	networks := object{}
	for _, n := range info.Networks {
		networks[n.Network] = object{
			"IPAddress": address(n.IPv4), "IPPrefixLen": max(n.IPv4.Bits(), 0), "Gateway": text(n.Gateway4), "MacAddress": n.MAC,
			"GlobalIPv6Address": address(n.IPv6), "GlobalIPv6PrefixLen": max(n.IPv6.Bits(), 0), "IPv6Gateway": text(n.Gateway6),
			"Aliases": list(n.Aliases),
		}
	}
	return object{
		"Id": info.ID, "Name": "/" + info.Name, "Created": stamp(info.Created), "Path": path, "Args": args,
		"Image": info.ImageID, "RestartCount": info.Restarts, "LogPath": info.LogPath, "Mounts": mounts,
		"State": state,
		"Config": object{
			"Image": info.Image, "Hostname": o.Networking.Hostname, "Domainname": o.Networking.Domain, "User": o.User, "Env": list(o.Env), "Cmd": list(o.Cmd),
			"Entrypoint": list(o.Entrypoint), "WorkingDir": o.Dir, "Labels": o.Labels, "OpenStdin": o.Stdin,
			"StopSignal": o.Lifecycle.StopSignal, "Tty": o.TTY,
		},
		"HostConfig": hostConfig(&o), "NetworkSettings": object{"Networks": networks, "Ports": portsJSON(info.Ports)},
	}
}

func hostConfig(o *container.Options) object {
	r, s := o.Resources, o.Security
	options := []string{}
	for _, opt := range []struct {
		is   bool
		text string
	}{
		{s.NoNewPrivileges, "no-new-privileges"}, {s.Seccomp != "", "seccomp=" + s.Seccomp},
		{s.AppArmor != "", "apparmor=" + s.AppArmor}, {s.Unmasked, "systempaths=unconfined"},
	} {
		if opt.is {
			options = append(options, opt.text)
		}
	}
	restart := o.Lifecycle.Restart.Mode
	if restart == "" {
		restart = container.RestartNo
	}
	return object{
		"AutoRemove": o.AutoRemove, "NetworkMode": o.Network, "ReadonlyRootfs": o.ReadOnly, "Init": o.Process.Init,
		"Privileged": s.Privileged, "CapAdd": list(s.CapAdd), "CapDrop": list(s.CapDrop), "SecurityOpt": options,
		"GroupAdd": list(o.Process.Groups), "Sysctls": o.Namespaces.Sysctls, "ExtraHosts": list(o.Networking.Hosts), "Dns": list(o.Networking.DNS.Servers),
		"DnsSearch": list(o.Networking.DNS.Search), "DnsOptions": list(o.Networking.DNS.Options), "PidMode": o.Namespaces.PID,
		"IpcMode": o.Namespaces.IPC, "UTSMode": o.Namespaces.UTS,
		"RestartPolicy": object{"Name": restart, "MaximumRetryCount": o.Lifecycle.Restart.MaxRetries},
		"Memory":        r.Memory, "MemorySwap": r.MemorySwap, "MemoryReservation": r.MemoryReservation,
		"NanoCpus": int64(r.CPUs * 1e9), "CpuShares": r.CPUShares, "CpusetCpus": r.CPUSet, "CpusetMems": r.MemoryNodes,
		"PidsLimit": r.PIDs, "BlkioWeight": r.BlockIOWeight, "ShmSize": r.ShmSize, "OomScoreAdj": r.OOMScoreAdj,
		"CgroupParent": r.CgroupParent,
	}
}

// portsJSON has the addresses by the container's port, such as 80/tcp.
func portsJSON(ports []container.PortBinding) object {
	o := object{}
	for _, p := range ports {
		key := fmt.Sprintf("%d/%s", p.Container, p.Protocol)
		bindings, _ := o[key].([]object)
		o[key] = append(bindings, object{"HostIp": p.Host.Addr().String(), "HostPort": strconv.Itoa(int(p.Host.Port()))})
	}
	return o
}

// address is empty for none, as in Docker's output.
func address(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.Addr().String()
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// healthJSON is Docker's State.Health.
func healthJSON(h *container.Health) object {
	log := []object{}
	for _, c := range h.Log {
		log = append(log, object{"Start": stamp(c.Start), "End": stamp(c.End), "ExitCode": c.ExitCode, "Output": c.Output})
	}
	return object{"Status": h.Status, "FailingStreak": h.FailingStreak, "Log": log}
}

// imageJSON has docker inspect's shape, for what the library knows.
func imageJSON(img *image.Image) object {
	tags, digests := []string{}, []string{}
	for _, full := range img.Names {
		if strings.Contains(full, "@") {
			digests = append(digests, familiarString(full, ""))
		} else {
			tags = append(tags, familiarString(full, ""))
		}
	}
	for _, d := range img.Digests {
		if short := familiarString(d, ""); strings.Contains(d, "/") && !slices.Contains(digests, short) {
			digests = append(digests, short)
		}
	}
	cfg := img.Config
	return object{
		"Id": img.ID, "RepoTags": tags, "RepoDigests": digests, "Created": stamp(img.Created), "Size": img.Size,
		"Architecture": img.Arch, "Os": img.OS, "RootFS": object{"Type": "layers", "Layers": list(img.Layers)},
		"Config": object{
			"User": cfg.User, "Env": list(cfg.Env), "Entrypoint": list(cfg.Entrypoint), "Cmd": list(cfg.Cmd),
			"WorkingDir": cfg.WorkingDir, "StopSignal": cfg.StopSignal, "Labels": img.Labels, "Volumes": set(cfg.Volumes),
			"ExposedPorts": set(cfg.ExposedPorts), "Shell": list(cfg.Shell), "OnBuild": list(cfg.OnBuild),
		},
	}
}

// stamp is a time as Docker writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// list is null for none, as in Docker's output.
func list[T any](s []T) any {
	if s == nil {
		return nil
	}
	return s
}

// set is Docker's way to write a set: an object of empty objects.
func set(names []string) any {
	if len(names) == 0 {
		return nil
	}
	o := object{}
	for _, n := range names {
		o[n] = object{}
	}
	return o
}
