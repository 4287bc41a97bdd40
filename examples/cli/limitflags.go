package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// limitFlags defines what create, run and update share: the limits that can change while a container runs.
func limitFlags(flags *pflag.FlagSet, r *container.Resources) {
	bytesFlag(flags, &r.Memory, "memory", "m", "memory limit, such as 512m")
	bytesFlag(flags, &r.MemorySwap, "memory-swap", "", "limit of memory and swap together; -1: swap without limit (default: twice the memory)")
	bytesFlag(flags, &r.MemoryReservation, "memory-reservation", "", "memory that the container keeps when the host runs short of memory")
	flags.Float64Var(&r.CPUs, "cpus", 0, "limit of processor time in processors, such as 1.5")
	flags.StringVar(&r.CPUSet, "cpuset-cpus", "", "processors that the container may use, such as 0-2,4")
	flags.StringVar(&r.MemoryNodes, "cpuset-mems", "", "memory nodes that the container may use, such as 0,1")
	flags.IntVarP(&r.CPUShares, "cpu-shares", "c", 0, "share of processor time relative to others when it is short (default 1024)")
	flags.Int64Var(&r.PIDs, "pids-limit", 0, "limit of processes and threads; -1: no limit")
	flags.IntVar(&r.BlockIOWeight, "blkio-weight", 0, "share of block device time relative to others, 10 to 1000 (default 500)")
}

// fixedLimitFlags defines those that a container has from its start.
func fixedLimitFlags(flags *pflag.FlagSet, r *container.Resources) {
	bytesFlag(flags, &r.ShmSize, "shm-size", "", "size of /dev/shm (default 64m)")
	for name, to := range map[string]func(*container.BlockIOLimit) *int64{
		"read-bps":   func(l *container.BlockIOLimit) *int64 { return &l.ReadBPS },
		"write-bps":  func(l *container.BlockIOLimit) *int64 { return &l.WriteBPS },
		"read-iops":  func(l *container.BlockIOLimit) *int64 { return &l.ReadIOPS },
		"write-iops": func(l *container.BlockIOLimit) *int64 { return &l.WriteIOPS },
	} {
		flags.Var(deviceRate{&r.BlockIO, to}, "device-"+name, "limit of a disk, such as /dev/sda:1mb (may be repeated)")
	}
	flags.Var((*ulimits)(&r.Ulimits), "ulimit", "limit of each process, such as nofile=SOFT[:HARD] (may be repeated)")
	flags.IntVar(&r.OOMScoreAdj, "oom-score-adj", 0, "-1000 to 1000: the kernel kills processes with a higher number first")
	flags.StringVar(&r.CgroupParent, "cgroup-parent", "", "cgroup in which the container's cgroup is made")
}

// logOption is the value of --log-opt: max-size=BYTES or max-file=N, those of Docker's json-file driver that bound a log.
type logOption container.LogConfig

func (l *logOption) String() string { return "" }
func (l *logOption) Type() string   { return "option" }

func (l *logOption) Set(s string) (err error) {
	switch name, value, _ := strings.Cut(s, "="); name {
	case "max-size":
		err = (*byteSize)(&l.MaxSize).Set(value)
	case "max-file":
		if l.MaxFiles, err = strconv.Atoi(value); err == nil && l.MaxFiles < 1 {
			err = fmt.Errorf("max-file must not be below 1")
		}
	case "mode", "max-buffer-size", "compress": // how Docker writes it: here nothing waits, and nothing is lost
	default:
		err = fmt.Errorf("it must be max-size=BYTES or max-file=NUMBER")
	}
	return err
}

// byteSize is a flag's value in bytes, which is read with Docker's units: 1k is 1024.
type byteSize int64

func bytesFlag(flags *pflag.FlagSet, p *int64, name, short, usage string) {
	flags.VarP((*byteSize)(p), name, short, usage)
}

func (b *byteSize) String() string {
	if *b == 0 {
		return "" // no default to show
	}
	return fmt.Sprint(int64(*b))
}

func (b *byteSize) Type() string { return "bytes" }

func (b *byteSize) Set(s string) error {
	if s == "-1" {
		*b = -1
		return nil
	}
	n, err := units.RAMInBytes(s)
	if err != nil {
		return err
	}
	if n == math.MaxInt64 || n < 0 {
		return fmt.Errorf("%q is too large", s)
	}
	*b = byteSize(n)
	return nil
}

// deviceRate is the value of --device-read-bps and its like, DEVICE:RATE; those of a device come together.
type deviceRate struct {
	limits *[]container.BlockIOLimit
	rate   func(*container.BlockIOLimit) *int64
}

func (d deviceRate) String() string { return "" }
func (d deviceRate) Type() string   { return "device:rate" }

func (d deviceRate) Set(s string) error {
	device, rate, _ := strings.Cut(s, ":")
	var n byteSize
	if err := n.Set(rate); err != nil || n <= 0 || !strings.HasPrefix(device, "/") {
		return fmt.Errorf("it must be DEVICE:RATE, such as /dev/sda:1mb")
	}
	i := slices.IndexFunc(*d.limits, func(l container.BlockIOLimit) bool { return l.Device == device })
	if i < 0 {
		i = len(*d.limits)
		*d.limits = append(*d.limits, container.BlockIOLimit{Device: device})
	}
	*d.rate(&(*d.limits)[i]) = int64(n)
	return nil
}

type ulimits []container.Ulimit

func (u *ulimits) String() string { return "" }
func (u *ulimits) Type() string   { return "ulimit" }

func (u *ulimits) Set(s string) error {
	l, err := units.ParseUlimit(s)
	if err == nil {
		*u = slices.DeleteFunc(*u, func(o container.Ulimit) bool { return o.Name == l.Name }) // the last one counts
		*u = append(*u, container.Ulimit{Name: l.Name, Soft: l.Soft, Hard: l.Hard})
	}
	return err
}
