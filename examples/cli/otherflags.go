package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// otherFlags are those of Docker's create and run that have one value here, or say the same in another way.
type otherFlags struct {
	flags        *pflag.FlagSet
	cpuTime      cpuTime
	swappiness   int64
	userns       string
	cgroupns     string
	isolation    string
	noOOMKill    bool
	kernelMemory int64
	absent       map[string]*string
}

func (o *otherFlags) define(flags *pflag.FlagSet) {
	o.flags = flags
	o.cpuTime.define(flags)
	flags.Int64Var(&o.swappiness, "memory-swappiness", -1, "-1, the kernel's own, is the only one")
	flags.StringVar(&o.userns, "userns", "", "user namespace: host, which is what every container has here")
	flags.StringVar(&o.cgroupns, "cgroupns", "private", "cgroup namespace: private is the only one")
	flags.StringVar(&o.isolation, "isolation", "default", "default is the only one")
	flags.Bool("disable-content-trust", true, "accepted for compatibility with Docker: images are trusted by the policy file")
	flags.BoolVar(&o.noOOMKill, "oom-kill-disable", false, "")
	bytesFlag(flags, &o.kernelMemory, "kernel-memory", "", "")
	o.absent = map[string]*string{}
	for name := range absentFlags {
		o.absent[name] = flags.String(name, "", "")
		_ = flags.MarkHidden(name)
	}
	for _, name := range []string{"oom-kill-disable", "kernel-memory", "memory-swappiness", "userns", "cgroupns", "isolation", "disable-content-trust"} {
		_ = flags.MarkHidden(name)
	}
}

// absentFlags are Docker's that say what can't be had here, with what to do instead.
var absentFlags = map[string]string{
	"blkio-weight-device": "weights of single disks are not supported: use --blkio-weight, or a limit such as --device-read-bps",
	"cpu-rt-period":       "real-time scheduling is not limited here: leave the flag out",
	"cpu-rt-runtime":      "real-time scheduling is not limited here: leave the flag out",
	"link-local-ip":       "the network gives link-local addresses: leave the flag out",
}

// apply converts the flags; warn gets what is left out.
func (o *otherFlags) apply(opts *container.Options, warn io.Writer) error {
	for name, value := range o.absent {
		if *value != "" {
			return fmt.Errorf("--%s %s: %s", name, *value, absentFlags[name])
		}
	}
	if o.noOOMKill {
		fmt.Fprintln(warn, "WARNING: --oom-kill-disable is discarded: give the container more memory by --memory")
	}
	if o.kernelMemory != 0 {
		fmt.Fprintln(warn, "WARNING: --kernel-memory is discarded: --memory counts the kernel's memory, too")
	}
	for _, f := range []struct {
		name, value string
		valid       []string
	}{
		{"userns", o.userns, []string{"", "host"}}, {"cgroupns", o.cgroupns, []string{"private"}},
		{"isolation", o.isolation, []string{"", "default"}}, {"memory-swappiness", fmt.Sprint(o.swappiness), []string{"-1"}},
	} {
		if f.value != f.valid[0] && f.value != f.valid[len(f.valid)-1] {
			return fmt.Errorf("--%s %q: %s is the only one: leave the flag out", f.name, f.value, f.valid[len(f.valid)-1])
		}
	}
	return o.cpuTime.apply(o.flags, &opts.Resources)
}

// cpuTime is the limit of processor time as the kernel has it.
type cpuTime struct{ period, quota int64 }

func (t *cpuTime) define(flags *pflag.FlagSet) {
	flags.Int64Var(&t.period, "cpu-period", 0, "length of a period of processor time, in microseconds, for --cpu-quota (default 100000)")
	flags.Int64Var(&t.quota, "cpu-quota", 0, "processor time in each period, in microseconds; --cpus says the same in processors")
}

func (t *cpuTime) apply(flags *pflag.FlagSet, r *container.Resources) error {
	switch {
	case r.CPUs != 0 && (t.period != 0 || flags.Changed("cpu-quota")):
		return errors.New("--cpus and --cpu-quota with --cpu-period say the same in two ways: give one")
	case t.period != 0 && (t.period < 1000 || t.period > 1000000):
		return fmt.Errorf("--cpu-period %d: it must be between 1000 and 1000000", t.period)
	case t.quota > 0: // below 0: no limit
		r.CPUs = float64(t.quota) / float64(cmp.Or(t.period, 100000))
	}
	return nil
}
