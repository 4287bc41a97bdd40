package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var eventsCommand = command{
	name: "events", short: "Print what happens to containers, images and volumes",
	setup: func(flags *pflag.FlagSet) action {
		var o container.EventsOptions
		since := flags.String("since", "", "begin with events since a time, or since a duration before now, such as 10m")
		until := flags.String("until", "", "end at that time")
		where := filterFlag(flags, "container", "event", "image", "label", "network", "type", "volume")
		how := formatFlag(flags)
		return func(ctx context.Context, c *cli, _ []string) error {
			if err := between(&o.Since, &o.Until, *since, *until); err != nil {
				return usage("events", err)
			}
			for _, t := range where.values["type"] {
				o.Types = append(o.Types, container.EventType(t))
			}
			for _, a := range where.values["event"] {
				o.Actions = append(o.Actions, container.EventAction(a))
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			for e, err := range engine.Events(ctx, o) {
				if err == nil && where.event(e) {
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

// event says whether one fits. Other than --filter type, a thing is named by its name or its id.
func (f *filters) event(e container.Event) bool {
	about := func(kind container.EventType) func(string) bool {
		return func(v string) bool {
			return e.Type == kind && (v == e.Name || strings.HasPrefix(strings.TrimPrefix(e.ID, "sha256:"), strings.TrimPrefix(v, "sha256:")))
		}
	}
	made := func(v string) bool {
		return about(container.EventImage)(v) || e.Image != "" && fullName(e.Image) == fullName(v)
	}
	return f.any("container", about(container.EventContainer)) && f.any("volume", about(container.EventVolume)) &&
		f.any("network", about(container.EventNetwork)) && f.any("image", made) && f.all("label", labelled(e.Labels))
}

// event prints one as docker events does: a line, or an object of its API.
func (c *cli) event(e container.Event, how format) error {
	attributes := map[string]string{}
	maps.Copy(attributes, e.Labels)
	maps.Copy(attributes, e.Attributes)
	if e.Action == container.EventCommit { // whose name is the image's to the library
		attributes["imageRef"] = familiarString(attributes["name"], "")
	}
	if command, ok := attributes["command"]; ok { // which Docker tells with the start alone
		delete(attributes, "command")
		if e.Action == container.EventExec {
			e.Action = container.EventAction(string(e.Action) + ": " + command)
		}
	}
	for k, v := range map[string]string{"name": e.Name, "image": familiarString(e.Image, "")} {
		if v != "" {
			attributes[k] = v
		}
	}
	switch how {
	case "table":
		var list []string
		for _, k := range slices.Sorted(maps.Keys(attributes)) {
			list = append(list, k+"="+attributes[k])
		}
		const nine = "2006-01-02T15:04:05.000000000Z07:00" // Docker's stamp has all digits
		_, err := fmt.Fprintf(c.out, "%s %s %s %s (%s)\n", e.Time.Local().Format(nine), e.Type, e.Action, e.ID, strings.Join(list, ", "))
		return err
	case "json":
		enc := json.NewEncoder(c.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(eventObject(e, attributes))
	}
	return filled(c.out, how, []any{eventObject(e, attributes)})
}

func eventObject(e container.Event, attributes map[string]string) object {
	o := object{
		"Type": e.Type, "Action": e.Action, "Actor": object{"ID": e.ID, "Attributes": attributes}, "scope": "local",
		"time": e.Time.Unix(), "timeNano": e.Time.UnixNano(),
	}
	if e.Type == container.EventContainer { // Docker's fields of old
		o["status"], o["id"], o["from"] = e.Action, e.ID, attributes["image"]
	}
	return o
}
