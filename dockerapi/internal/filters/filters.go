// Package filters reads the filters of Docker's lists and prunes.
//
// It is made of functions of their inputs.
package filters

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
)

// Filters are values by name.
type Filters map[string][]string

// Parse reads the query value filters: {"name": {"value": true}}, or as old clients write it {"name": ["value"]}.
func Parse(text string, known ...string) (Filters, error) {
	f := Filters{}
	if text == "" {
		return f, nil
	}
	var now map[string]map[string]bool
	if err := json.Unmarshal([]byte(text), &now); err == nil {
		for name, values := range now {
			f[name] = slices.Sorted(maps.Keys(values))
		}
	} else {
		var old map[string][]string
		if json.Unmarshal([]byte(text), &old) != nil {
			return nil, wire.BadRequest("invalid filter: %w", err)
		}
		maps.Copy(f, old)
	}
	for name := range f {
		if !slices.Contains(known, name) {
			return nil, wire.BadRequest("invalid filter '%s'", name)
		}
	}
	return f, nil
}

// Has says whether a filter was given.
func (f Filters) Has(name string) bool { return len(f[name]) > 0 }

// Any: one of the values must fit. A filter that is not given fits all.
func (f Filters) Any(name string, fits func(value string) bool) bool {
	return len(f[name]) == 0 || slices.ContainsFunc(f[name], fits)
}

// Equal: one of the values must be one of these.
func (f Filters) Equal(name string, texts ...string) bool {
	return f.Any(name, func(v string) bool { return slices.Contains(texts, v) })
}

// Match: one of the values is, or as a regular expression finds something in one of these.
func (f Filters) Match(name string, texts ...string) bool {
	return f.Any(name, func(v string) bool {
		if slices.Contains(texts, v) {
			return true
		}
		re, err := regexp.Compile(v)
		return err == nil && slices.ContainsFunc(texts, re.MatchString)
	})
}

// Labels: all of label must fit, and not all of label!.
func (f Filters) Labels(labels map[string]string) bool {
	fits := func(v string) bool {
		name, value, has := strings.Cut(v, "=")
		got, ok := labels[name]
		return ok && (!has || got == value)
	}
	all := func(values []string) bool {
		return !slices.ContainsFunc(values, func(v string) bool { return !fits(v) })
	}
	return all(f["label"]) && (len(f["label!"]) == 0 || !all(f["label!"]))
}

// Pairs are the values of a filter by labels, as the library takes them: an empty one fits any.
func (f Filters) Pairs(name string) map[string]string {
	var out map[string]string
	for _, v := range f[name] {
		key, value, _ := strings.Cut(v, "=")
		if out == nil {
			out = map[string]string{}
		}
		out[key] = value
	}
	return out
}

// Bool is a filter that is true or false; otherwise if it is not given.
func (f Filters) Bool(name string, otherwise bool) (bool, error) {
	values := f[name]
	switch {
	case len(values) == 0:
		return otherwise, nil
	case len(values) == 1 && slices.Contains([]string{"1", "true"}, values[0]):
		return true, nil
	case len(values) == 1 && slices.Contains([]string{"0", "false"}, values[0]):
		return false, nil
	}
	return false, wire.BadRequest("invalid filter '%s=%v'", name, values)
}

// Until is the time of a filter; zero if it is not given.
func (f Filters) Until(now time.Time) (time.Time, error) {
	values := f["until"]
	switch len(values) {
	case 0:
		return time.Time{}, nil
	case 1:
		return Moment(values[0], now)
	}
	return time.Time{}, wire.BadRequest("more than one until filter specified")
}

var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02T15Z07:00", "2006-01-02T15",
	"2006-01-02Z07:00", "2006-01-02",
}

// Moment reads a time: seconds since 1970 with a fraction, a duration before now, or a date with what follows it. An empty
// text and 0 are the zero time, which is no bound.
func Moment(s string, now time.Time) (time.Time, error) {
	if s == "" || s == "0" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	if whole, part, _ := strings.Cut(s, "."); strings.Trim(whole+part, "0123456789") == "" && len(part) <= 9 {
		seconds, err := strconv.ParseInt(whole, 10, 64)
		nanos, nerr := strconv.ParseInt((part + "000000000")[:9], 10, 64)
		if err == nil && nerr == nil {
			return time.Unix(seconds, nanos), nil
		}
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, wire.BadRequest("invalid time %q: it must be seconds since 1970, a duration or a date", s)
}

// Ports: one of the values is a port or a range of ports of which one is in the set.
func (f Filters) Ports(name string, has func(network.Port) bool) (bool, error) {
	if !f.Has(name) {
		return true, nil
	}
	for _, v := range f[name] {
		if strings.Contains(v, ":") {
			return false, wire.BadRequest("filter for '%s' should not contain ':': %s", name, v)
		}
		r, err := network.ParsePortRange(v)
		if err != nil {
			return false, wire.BadRequest("error while looking up for %s %s: %w", name, v, err)
		}
		for p := range r.All() {
			if has(p) {
				return true, nil
			}
		}
	}
	return false, nil
}
