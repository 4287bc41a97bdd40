package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// filters are the values of --filter, NAME=VALUE each, of the names that a command knows.
type filters struct {
	known  []string
	values map[string][]string
}

func filterFlag(flags *pflag.FlagSet, known ...string) *filters {
	f := &filters{known: known, values: map[string][]string{}}
	letter := "f"
	if flags.Lookup("force") != nil { // whose letter it is
		letter = ""
	}
	flags.VarP(f, "filter", letter, "show only what matches NAME=VALUE; the names are "+strings.Join(known, ", ")+" (may be repeated)")
	return f
}

func (f *filters) String() string { return "" }
func (f *filters) Type() string   { return "filter" }

func (f *filters) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	switch {
	case !ok:
		return fmt.Errorf("it must be NAME=VALUE")
	case !slices.Contains(f.known, name):
		return fmt.Errorf("there is no filter %q: use one of %s", name, strings.Join(f.known, ", "))
	}
	if name == "dangling" {
		if _, err := strconv.ParseBool(value); err != nil {
			return fmt.Errorf("%s must be true or false", name)
		}
	}
	f.values[name] = append(f.values[name], value)
	return nil
}

// any: of a filter's values one must fit. A filter that is not given fits all.
func (f *filters) any(name string, fits func(value string) bool) bool {
	return len(f.values[name]) == 0 || slices.ContainsFunc(f.values[name], fits)
}

// all: each value must fit.
func (f *filters) all(name string, fits func(value string) bool) bool {
	return !slices.ContainsFunc(f.values[name], func(v string) bool { return !fits(v) })
}

// is looks at a filter that is true or false.
func (f *filters) is(name string, is bool) bool {
	return f.any(name, func(v string) bool {
		want, _ := strconv.ParseBool(v) // Set has looked
		return want == is
	})
}

func contains(s string) func(string) bool {
	return func(v string) bool { return strings.Contains(s, v) }
}

// labelled fits NAME and NAME=VALUE.
func labelled(labels map[string]string) func(string) bool {
	return func(v string) bool {
		name, value, has := strings.Cut(v, "=")
		got, ok := labels[name]
		return ok && (!has || got == value)
	}
}

// labelsOf are the values of a filter by labels, as the library takes them.
func labelsOf(values []string) map[string]string {
	var out map[string]string
	for _, v := range values {
		addLabel(&out, v)
	}
	return out
}
