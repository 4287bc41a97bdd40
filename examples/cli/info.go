package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

var infoCommand = command{
	name: "info", short: "Show what the store holds and the machine has", example: "info -f '{{.ContainersRunning}} of {{.Containers}}'",
	setup: func(flags *pflag.FlagSet) action {
		how := format.InspectFlag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			info, err := c.info(ctx)
			if err != nil {
				return err
			}
			return c.one(*how, info, func(w io.Writer) { info.print(w) })
		}
	},
}

// one prints a description as text, or by a template.
func (c *cli) one(how format.Format, v any, text func(io.Writer)) error {
	switch {
	case how == "":
		text(c.out)
		return nil
	case how.IsJSON():
		how = "{{json .}}"
	}
	if _, err := how.Template(); err != nil {
		return &status{codeTemplate, err}
	}
	return format.Inspect(c.out, how, []any{v})
}

// storeInfo has docker info's names.
type storeInfo struct {
	Containers, ContainersRunning, ContainersPaused, ContainersStopped, Images int
	Driver, LoggingDriver, DefaultRuntime                                      string
	KernelVersion, OperatingSystem, OSType, Architecture, Name                 string
	NCPU                                                                       int
	MemTotal                                                                   int64
	ServerVersion, SystemTime                                                  string
}

func (c *cli) info(ctx context.Context) (*storeInfo, error) {
	engine, err := c.engine()
	if err != nil {
		return nil, err
	}
	list, err := engine.List(ctx, container.ListOptions{All: true})
	if err != nil {
		return nil, err
	}
	images, err := c.opened.List(ctx, image.ListOptions{})
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	info := &storeInfo{
		Containers: len(list), Images: len(images), Driver: "overlay", LoggingDriver: "json-file", DefaultRuntime: "runc", OSType: runtime.GOOS,
		Architecture: machine(), NCPU: runtime.NumCPU(), Name: host, ServerVersion: moduleVersion(), SystemTime: time.Now().Format(time.RFC3339Nano),
		KernelVersion: strings.TrimSpace(readText("/proc/sys/kernel/osrelease")),
		MemTotal:      memoryTotal(readText("/proc/meminfo")), OperatingSystem: systemName(readText("/etc/os-release")),
	}
	for _, i := range list {
		switch i.State.Status {
		case container.StatusRunning, container.StatusRestarting:
			info.ContainersRunning++
		case container.StatusPaused:
			info.ContainersPaused++
		default:
			info.ContainersStopped++
		}
	}
	return info, nil
}

func (i *storeInfo) print(w io.Writer) {
	fmt.Fprintf(w, `Containers: %d
 Running: %d
 Paused: %d
 Stopped: %d
Images: %d
Server Version: %s
Storage Driver: %s
Logging Driver: %s
Default Runtime: %s
Kernel Version: %s
Operating System: %s
OSType: %s
Architecture: %s
CPUs: %d
Total Memory: %s
Name: %s
`, i.Containers, i.ContainersRunning, i.ContainersPaused, i.ContainersStopped, i.Images, i.ServerVersion, i.Driver, i.LoggingDriver,
		i.DefaultRuntime, i.KernelVersion, i.OperatingSystem, i.OSType, i.Architecture, i.NCPU, units.BytesSize(float64(i.MemTotal)), i.Name)
}

// readText is a file's text; empty for one that this system has not.
func readText(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(b)
}

// memoryTotal is that of /proc/meminfo, in bytes.
func memoryTotal(meminfo string) (bytes int64) {
	for s := bufio.NewScanner(strings.NewReader(meminfo)); s.Scan(); {
		if n, err := fmt.Sscanf(s.Text(), "MemTotal: %d kB", &bytes); n == 1 && err == nil {
			return bytes << 10
		}
	}
	return 0
}

// systemName is PRETTY_NAME of os-release.
func systemName(release string) string {
	for s := bufio.NewScanner(strings.NewReader(release)); s.Scan(); {
		if name, ok := strings.CutPrefix(s.Text(), "PRETTY_NAME="); ok {
			return strings.Trim(name, `"'`)
		}
	}
	return runtime.GOOS
}

// machine is the architecture as uname calls it.
func machine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}

// moduleVersion is that of the library in this program.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	const module = "github.com/caisson-dev/caisson"
	for _, m := range info.Deps {
		if m.Path == module && m.Replace == nil && m.Version != "" && m.Version != "v0.0.0" {
			return m.Version
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}
