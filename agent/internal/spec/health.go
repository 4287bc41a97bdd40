package spec

import (
	"slices"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// Docker's defaults (https://docs.docker.com/reference/dockerfile/#healthcheck).
const (
	healthInterval      = 30 * time.Second
	healthTimeout       = 30 * time.Second
	healthStartInterval = 5 * time.Second
	healthRetries       = 3
)

func validateHealth(h container.HealthConfig) error {
	const field = "Options.Health."
	if len(h.Test) > 0 {
		switch kind, args := h.Test[0], h.Test[1:]; kind {
		case "NONE":
			if len(args) > 0 || h.Interval != 0 || h.Timeout != 0 || h.StartPeriod != 0 || h.StartInterval != 0 || h.Retries != 0 {
				return invalid(field+"Test %q: NONE turns the health check off: leave the other fields out", h.Test)
			}
		case "CMD":
			if len(args) == 0 || args[0] == "" {
				return invalid(field+"Test %q: CMD must be followed by a program", h.Test)
			}
		case "CMD-SHELL":
			if len(args) != 1 || args[0] == "" {
				return invalid(field+"Test %q: CMD-SHELL must be followed by exactly one line", h.Test)
			}
		default:
			return invalid(field+"Test %q: it must begin with CMD, CMD-SHELL or NONE", h.Test)
		}
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"Interval", h.Interval}, {"Timeout", h.Timeout}, {"StartPeriod", h.StartPeriod}, {"StartInterval", h.StartInterval}} {
		if d.d != 0 && d.d < time.Millisecond {
			return invalid(field+"%s %s: it must be at least 1ms", d.name, d.d)
		}
	}
	if h.Retries < 0 {
		return invalid(field+"Retries %d: it must not be negative", h.Retries)
	}
	return nil
}

// joinHealth is the check that a container has, with the defaults filled in, or nil.
func joinHealth(o container.HealthConfig, img *image.HealthConfig) *container.HealthConfig {
	h := o
	if img != nil {
		if h.Test == nil {
			h.Test = img.Test
		}
		h.Interval, h.Timeout = orElse(h.Interval, img.Interval), orElse(h.Timeout, img.Timeout)
		h.StartPeriod, h.Retries = orElse(h.StartPeriod, img.StartPeriod), orElse(h.Retries, img.Retries)
	}
	if len(h.Test) < 2 { // none, or NONE
		return nil
	}
	h.Interval, h.Timeout = orElse(h.Interval, healthInterval), orElse(h.Timeout, healthTimeout)
	h.StartInterval, h.Retries = orElse(h.StartInterval, healthStartInterval), orElse(h.Retries, healthRetries)
	return &h
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// HealthCommand is what a check of the container's executes.
func (c *Container) HealthCommand() []string {
	test := c.Health.Test
	if test[0] == "CMD" {
		return test[1:]
	}
	shell := c.Config.Shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	return append(slices.Clone(shell), test[1])
}
