package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// healthFlags are those of create and run that say how a container's health is checked.
type healthFlags struct {
	health  container.HealthConfig
	command string
	none    bool
}

func (o *healthFlags) define(flags *pflag.FlagSet) {
	flags.StringVar(&o.command, "health-cmd", "", "shell command that checks the container's health")
	flags.DurationVar(&o.health.Interval, "health-interval", 0, "time between checks (default: the image's, or 30s)")
	flags.DurationVar(&o.health.Timeout, "health-timeout", 0, "time after which a check has failed (default: the image's, or 30s)")
	flags.DurationVar(&o.health.StartPeriod, "health-start-period", 0, "time after the start in which failures don't count")
	flags.DurationVar(&o.health.StartInterval, "health-start-interval", 0, "time between checks during the start period (default 5s)")
	flags.IntVar(&o.health.Retries, "health-retries", 0, "failures in a row that make the container unhealthy (default: the image's, or 3)")
	flags.BoolVar(&o.none, "no-healthcheck", false, "don't check the health, even if the image has a check")
}

func (o *healthFlags) apply(opts *container.Options) error {
	opts.Health = o.health
	if o.command != "" {
		opts.Health.Test = []string{"CMD-SHELL", o.command}
	}
	if !o.none {
		return nil
	}
	if o.command != "" || o.health.Interval != 0 || o.health.Timeout != 0 || o.health.StartPeriod != 0 || o.health.StartInterval != 0 || o.health.Retries != 0 {
		return errors.New("--no-healthcheck conflicts with --health-* options")
	}
	opts.Health.Test = []string{"NONE"}
	return nil
}

// restartPolicy is the value of --restart: no, always, unless-stopped or on-failure[:RETRIES].
type restartPolicy container.RestartPolicy

const restartUsage = "when to restart the container: no, always, unless-stopped or on-failure[:RETRIES]"

func (p *restartPolicy) String() string { return string(p.Mode) }
func (p *restartPolicy) Type() string   { return "policy" }

func (p *restartPolicy) Set(s string) error {
	mode, retries, has := strings.Cut(s, ":")
	*p = restartPolicy{Mode: container.RestartMode(mode)}
	switch p.Mode {
	case "":
		p.Mode = container.RestartNo
	case container.RestartNo, container.RestartAlways, container.RestartUnlessStopped, container.RestartOnFailure:
	default:
		return fmt.Errorf("it must be no, always, unless-stopped or on-failure[:RETRIES]")
	}
	if !has {
		return nil
	}
	n, err := strconv.Atoi(retries)
	if err != nil || n < 0 || p.Mode != container.RestartOnFailure {
		return fmt.Errorf("only on-failure takes a number of retries: on-failure:3")
	}
	p.MaxRetries = n
	return nil
}
