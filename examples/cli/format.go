package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"text/template"
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

// ago is how long ago t was, such as "5 minutes ago".
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

// listing says how rows are shown: by their ids alone, or as a table.
type listing[T any] struct {
	id     func(T) string
	header string
	cells  func(T) []string
}

// show prints rows as --quiet and --format have it.
func show[T any](w io.Writer, how format, quiet bool, rows []T, as listing[T]) error {
	switch {
	case quiet:
		for _, r := range rows {
			fmt.Fprintln(w, as.id(r))
		}
		return nil
	case how == "json":
		return lines(w, rows)
	case how != "table":
		return filled(w, how, rows)
	}
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = as.cells(r)
	}
	return table(w, as.header, cells)
}

// describe prints what get finds as a JSON array, or by a template. As Docker, it goes on after an error.
func (c *cli) describe(args []string, how format, get func(arg string) (any, error)) error {
	found := []any{}
	failed := c.each(args, func(arg string) (string, error) {
		v, err := get(arg)
		if err == nil {
			found = append(found, v)
		}
		return "", err
	})
	if how != "json" {
		return errors.Join(filled(c.out, how, found), failed)
	}
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return errors.Join(enc.Encode(found), failed)
}

// filled prints each row by a template of text/template with Docker's functions.
func filled[T any](w io.Writer, how format, rows []T) error {
	t, err := how.template()
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := t.Execute(w, r); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	return nil
}

// format is the value of --format: table, json or a template.
type format string

func formatFlag(flags *pflag.FlagSet) *format {
	f := format("table")
	flags.Var(&f, "format", "output format: table, json or a template such as '{{.ID}}'")
	return &f
}

// templateFlag is that of commands that know no table.
func templateFlag(flags *pflag.FlagSet) *format {
	f := format("json")
	flags.VarP(&f, "format", "f", "output format: json or a template such as '{{.Name}}'")
	return &f
}

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "string" }

func (f *format) Set(s string) error {
	*f = format(s)
	if s == "table" || s == "json" {
		return nil
	}
	if !strings.Contains(s, "{{") || strings.HasPrefix(s, "table ") {
		return fmt.Errorf("%q: it must be table, json or a template", s)
	}
	_, err := f.template()
	return err
}

func (f *format) template() (*template.Template, error) {
	return template.New("format").Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		"join": strings.Join, "split": strings.Split, "lower": strings.ToLower, "upper": strings.ToUpper,
	}).Parse(string(*f))
}

// joined lists labels as docker ps does.
func joined(labels map[string]string) string {
	var list []string
	for k, v := range labels {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}
