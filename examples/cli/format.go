package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/go-units"
	"github.com/spf13/pflag"
)

const none = "<none>"

// shortID is an id as tables have it: 12 digits without the algorithm.
func shortID(id string) string {
	if _, hex, ok := strings.Cut(id, ":"); ok {
		id = hex
	}
	return id[:min(12, len(id))]
}

// size is bytes in human units, as docker images prints them: 3 digits, powers of 1000.
func size(bytes int64) string { return units.HumanSizeWithPrecision(float64(bytes), 3) }

// ago is how long ago t was, as "5 minutes ago".
func ago(t time.Time) string { return units.HumanDuration(time.Since(t)) + " ago" }

// name is a reference in the parts that docker images prints.
type name struct{ repository, tag, digest string }

// familiar cuts a full reference into its parts and leaves out what Docker implies: docker.io and library.
func familiar(full string) name {
	n := name{full, none, none}
	ref, err := reference.ParseNormalizedNamed(full)
	if err != nil {
		return n
	}
	n.repository = reference.FamiliarName(ref)
	if t, ok := ref.(reference.Tagged); ok {
		n.tag = t.Tag()
	}
	if d, ok := ref.(reference.Digested); ok {
		n.digest = d.Digest().String()
	}
	return n
}

// familiarString is a reference, or an image's id, as docker ps prints it.
func familiarString(image, id string) string {
	if bare := strings.TrimPrefix(image, "sha256:"); bare != "" && strings.HasPrefix(strings.TrimPrefix(id, "sha256:"), bare) {
		return shortID(id)
	}
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return reference.FamiliarString(ref)
}

// fullName adds the registry and the tag that Docker implies.
func fullName(image string) string {
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return reference.TagNameOnly(ref).String()
}

// ellipsis cuts s to n characters.
func ellipsis(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// table prints rows under a header, as wide as Docker's.
func table(w io.Writer, header string, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	fmt.Fprintln(tw, header)
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	return tw.Flush()
}

// lines prints one JSON object a line.
func lines[T any](w io.Writer, rows []T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, row := range rows {
		if err := enc.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// format is the value of --format.
type format string

func formatFlag(flags *pflag.FlagSet) *format {
	f := format("table")
	flags.Var(&f, "format", "how to print: table or json")
	return &f
}

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "string" }

func (f *format) Set(s string) error {
	if s != "table" && s != "json" {
		return fmt.Errorf("%q: it is table or json", s)
	}
	*f = format(s)
	return nil
}
