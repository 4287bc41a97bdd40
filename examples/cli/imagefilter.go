package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/image"
)

// imageFilter collects --filter key=value of images and image prune. That which a command has not is nil.
type imageFilter struct {
	list  *image.ListOptions
	prune *image.PruneOptions
	named bool // dangling=false
}

// imageFilterFlag defines --filter; short is empty where -f is --force.
func imageFilterFlag(flags *pflag.FlagSet, short string, f *imageFilter) {
	flags.VarP(f, "filter", short, "show only images that match: "+strings.Join(f.keys(), ", ")+" (may be repeated)")
}

func (f *imageFilter) String() string { return "" }
func (f *imageFilter) Type() string   { return "key=value" }

func (f *imageFilter) keys() []string {
	keys := []string{"dangling", "label", "label!", "until"}
	if f.list != nil {
		keys = append(keys, "reference", "before", "since")
	}
	return keys
}

func (f *imageFilter) filter() *image.Filter {
	if f.list != nil {
		return &f.list.Filter
	}
	return &f.prune.Filter
}

func (f *imageFilter) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("%q: write it as key=value", s)
	}
	switch {
	case key == "dangling":
		return f.dangling(value)
	case key == "label":
		addLabel(&f.filter().Labels, value)
	case key == "label!":
		addLabel(&f.filter().NotLabels, value)
	case key == "until":
		t, err := moment(value, time.Now())
		if err == nil && t.IsZero() {
			err = fmt.Errorf("it is empty")
		}
		if err != nil {
			return fmt.Errorf("until=%s: %w", value, err)
		}
		f.filter().Until = t
	case key == "reference" && f.list != nil:
		f.list.References = append(f.list.References, value)
	case key == "before" && f.list != nil:
		f.list.Before = value
	case key == "since" && f.list != nil:
		f.list.Since = value
	default:
		return fmt.Errorf("%q: the keys are %s", key, strings.Join(f.keys(), ", "))
	}
	return nil
}

func (f *imageFilter) dangling(value string) error {
	yes, err := strconv.ParseBool(value)
	if err != nil {
		return fmt.Errorf("dangling=%s: it must be true or false", value)
	}
	if f.list != nil {
		f.list.Dangling, f.named = yes, !yes
	} else {
		f.prune.All = !yes
	}
	return nil
}

func addLabel(labels *map[string]string, s string) {
	key, value, _ := strings.Cut(s, "=")
	if *labels == nil {
		*labels = map[string]string{}
	}
	(*labels)[key] = value
}

// rows leaves of a list's rows those of names that fit: an image may have others.
func (f *imageFilter) rows(rows []imageRow) []imageRow {
	var out []imageRow
	for _, r := range rows {
		if (!f.named || r.Repository != none) && (len(f.list.References) == 0 || fits(r, f.list.References)) {
			out = append(out, r)
		}
	}
	return out
}

func fits(r imageRow, patterns []string) bool {
	name := r.Repository
	if r.Tag != none {
		name += ":" + r.Tag
	}
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return false
	}
	for _, p := range patterns {
		if ok, _ := reference.FamiliarMatch(p, ref); ok { // the store has refused a bad pattern
			return true
		}
	}
	return false
}
