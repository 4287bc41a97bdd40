package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// otherFlags are those of Docker's create and run that have one value here, or say the same in another way.
type otherFlags struct {
	flags         *pflag.FlagSet
	period, quota int64
	swappiness    int64
	userns        string
	cgroupns      string
	isolation     string
}

func (o *otherFlags) define(flags *pflag.FlagSet) {
	o.flags = flags
	flags.Int64Var(&o.period, "cpu-period", 0, "length of a period of processor time, in microseconds, for --cpu-quota (default 100000)")
	flags.Int64Var(&o.quota, "cpu-quota", 0, "processor time in each period, in microseconds; --cpus says the same in processors")
	flags.Int64Var(&o.swappiness, "memory-swappiness", -1, "-1, the kernel's own, is the only one")
	flags.StringVar(&o.userns, "userns", "", "user namespace: host, which is what every container has here")
	flags.StringVar(&o.cgroupns, "cgroupns", "private", "cgroup namespace: private is the only one")
	flags.StringVar(&o.isolation, "isolation", "default", "default is the only one")
	flags.Bool("disable-content-trust", true, "accepted for compatibility with Docker: images are trusted by the policy file")
	for _, name := range []string{"memory-swappiness", "userns", "cgroupns", "isolation", "disable-content-trust"} {
		_ = flags.MarkHidden(name)
	}
}

func (o *otherFlags) apply(opts *container.Options) error {
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
	if !o.flags.Changed("cpu-quota") {
		return nil
	}
	if opts.Resources.CPUs != 0 {
		return fmt.Errorf("--cpus and --cpu-quota say the same in two ways: give one")
	}
	period := o.period
	if period == 0 {
		period = 100000
	}
	if o.quota > 0 && period > 0 { // below 0: no limit
		opts.Resources.CPUs = float64(o.quota) / float64(period)
	}
	return nil
}
