package main

//lint:file-ignore SA1019 scripts ask for the fields that newer versions of Docker leave out

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

var eventsCommand = command{
	name: "events", short: "Print what happens to containers, images, volumes and networks",
	example: "events --since 10m --until 0s --filter type=container\nevents --format '{{.Status}} {{.ID}}'",
	setup: func(flags *pflag.FlagSet) action {
		var o container.EventsOptions
		since := flags.String("since", "", "begin with events since a time, or since a duration before now, such as 10m")
		until := flags.String("until", "", "end at that time")
		where := format.FilterFlag(flags, "container", "event", "image", "label", "network", "scope", "type", "volume")
		how := format.Flag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			if err := format.Between(&o.Since, &o.Until, *since, *until, time.Now()); err != nil {
				return err
			}
			if !o.Until.IsZero() && o.Since.After(o.Until) {
				return fmt.Errorf("--since %s is after --until %s", *since, *until)
			}
			if err := where.Check(); err != nil {
				return err
			}
			o.Types, o.Actions = as[container.EventType](where.Values("type")), nil
			if *how != "" && !how.IsJSON() {
				if _, err := how.Template(); err != nil {
					return &status{codeTemplate, err}
				}
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			for e, err := range engine.Events(ctx, o) {
				if err == nil && eventFits(where, e) {
					err = c.event(e, *how)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
	},
}

// eventFits says whether one fits the filters. Other than --filter type, a thing is named by its name or its id.
func eventFits(where *format.Filters, e container.Event) bool {
	about := func(kind container.EventType) func(string) bool {
		return func(v string) bool {
			return e.Type == kind && (v == e.Name || kind == container.EventImage && e.Name != "" && fullName(v) == e.Name || strings.HasPrefix(strings.TrimPrefix(e.ID, "sha256:"), strings.TrimPrefix(v, "sha256:")))
		}
	}
	made := func(v string) bool {
		return about(container.EventImage)(v) || e.Image != "" && fullName(e.Image) == fullName(v)
	}
	acts := func(v string) bool { // "exec_start" and "health_status: healthy" both find what they say
		return v == string(e.Action) || v == messageOf(e).Status || v == string(messageOf(e).Action)
	}
	return where.Any("event", acts) && where.Any("container", about(container.EventContainer)) && where.Any("volume", about(container.EventVolume)) &&
		where.Any("network", about(container.EventNetwork)) && where.Any("image", made) && where.All("label", format.Labelled(e.Labels)) &&
		where.Any("scope", func(v string) bool { return v == "local" })
}

// messageOf is an event in Docker's own type, with the fields of old for containers and images.
func messageOf(e container.Event) events.Message {
	attributes := map[string]string{}
	maps.Copy(attributes, e.Labels)
	maps.Copy(attributes, e.Attributes)
	if e.Action == container.EventCommit { // whose name is the image's to the library
		attributes["imageRef"] = familiarString(attributes["name"], "")
	}
	action := string(e.Action)
	if command, ok := attributes["command"]; ok { // which Docker tells with the beginning alone
		delete(attributes, "command")
		if e.Action == container.EventExec || e.Action == container.EventExecCreate {
			action += ": " + command
		}
	}
	if e.Action == container.EventHealth {
		action += ": " + attributes["health"]
		delete(attributes, "health")
	}
	if e.Action == container.EventRename {
		attributes["oldName"] = "/" + attributes["oldName"]
	}
	if e.Action == container.EventKill {
		attributes["signal"] = signalNumber(attributes["signal"])
	}
	image, name := familiarString(e.Image, ""), e.Name
	if e.Type == container.EventImage {
		name = familiarString(name, "")
	}
	for k, v := range map[string]string{"name": name, "image": image} {
		if v != "" {
			attributes[k] = v
		}
	}
	if e.Type == container.EventNetwork {
		attributes["name"], attributes["type"] = e.ID, "bridge"
	}
	if e.Type == container.EventVolume {
		attributes["driver"] = "local"
	}
	m := events.Message{
		Type: events.Type(e.Type), Action: events.Action(action), Actor: events.Actor{ID: e.ID, Attributes: attributes}, Scope: "local",
		Time: e.Time.Unix(), TimeNano: e.Time.UnixNano(),
	}
	if e.Type == container.EventContainer || e.Type == container.EventImage {
		m.Status, m.ID, m.From = action, e.ID, image
	}
	return m
}

// event prints one as docker events does: a line, or an object of its API.
func (c *cli) event(e container.Event, how format.Format) error {
	m := messageOf(e)
	switch {
	case how == "" || how == "table":
		var list []string
		for _, k := range slices.Sorted(maps.Keys(m.Actor.Attributes)) {
			list = append(list, k+"="+m.Actor.Attributes[k])
		}
		const nine = "2006-01-02T15:04:05.000000000Z07:00" // Docker's stamp has all digits
		_, err := fmt.Fprintf(c.out, "%s %s %s %s (%s)\n", e.Time.Local().Format(nine), m.Type, m.Action, m.Actor.ID, strings.Join(list, ", "))
		return err
	case how.IsJSON():
		return format.Sorted(c.out, m)
	}
	if err := format.Inspect(c.out, how, []events.Message{m}); err != nil {
		return &status{codeTemplate, err}
	}
	return nil
}
