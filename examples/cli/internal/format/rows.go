package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Rows prints a list: each row, a struct, by the format. The header of a table has the names of the fields in capitals,
// or what the tag "head" says.
func Rows[T any](w io.Writer, how Format, rows []T) error {
	if how.IsJSON() {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, row := range rows {
			if err := enc.Encode(row); err != nil {
				return err
			}
		}
		return nil
	}
	var body bytes.Buffer
	if err := fill(&body, how, rows); err != nil {
		return err
	}
	if !how.IsTable() {
		_, err := w.Write(body.Bytes())
		return err
	}
	t, err := how.parse(headings)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	if err := t.Execute(tw, header(reflect.TypeFor[T]())); err != nil {
		return fmt.Errorf("--format %q: %w", string(how), err)
	}
	fmt.Fprintf(tw, "\n%s", body.Bytes())
	return tw.Flush()
}

// fill executes the template for each row, with a line feed behind it.
func fill[T any](w io.Writer, how Format, rows []T) error {
	t, err := how.Template()
	if err != nil {
		return err
	}
	if len(rows) == 0 { // a field that no row has is a mistake nevertheless
		var none T
		if err := t.Execute(io.Discard, none); err != nil && strings.Contains(err.Error(), "can't evaluate field") {
			return fmt.Errorf("--format %q: %w", string(how), err)
		}
	}
	for _, row := range rows {
		if err := t.Execute(w, row); err != nil {
			return fmt.Errorf("--format %q: %w", string(how), err)
		}
		fmt.Fprintln(w)
	}
	return nil
}

// columns are the headings by field.
type columns map[string]string

// Label is the heading of a column of one label: the last part of its name.
func (columns) Label(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	return strings.NewReplacer("-", " ", "_", " ").Replace(name)
}

func header(t reflect.Type) columns {
	out := columns{}
	for i := range t.NumField() {
		f := t.Field(i)
		if head, ok := f.Tag.Lookup("head"); ok {
			out[f.Name] = head
		} else if f.IsExported() {
			out[f.Name] = heading(f.Name)
		}
	}
	return out
}

// heading of CreatedAt is CREATED AT.
func heading(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		if lower && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// Table prints rows of cells under a header, as wide as Docker's.
func Table(w io.Writer, header string, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	fmt.Fprintln(tw, header)
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	return tw.Flush()
}
