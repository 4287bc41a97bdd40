package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/template"
)

// Inspect prints values as a JSON array, or each by a template. A template may use the names of the Go fields, as they
// are in Docker's own types, and those of the JSON. What it asks for and is not there is an error; a label that is not
// there is <no value>. A value that fails does not keep the others from being printed.
func Inspect[T any](w io.Writer, how Format, values []T) error {
	if how == "" || how.IsJSON() {
		if values == nil {
			values = []T{}
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "    ")
		return enc.Encode(values)
	}
	t, err := parse(string(how), functions)
	if err != nil {
		return err
	}
	var failed []error
	for _, v := range values {
		var line bytes.Buffer
		if err := execute(&line, t, v); err != nil {
			failed = append(failed, fmt.Errorf("--format %q: %w", string(how), err))
			continue
		}
		fmt.Fprintf(w, "%s\n", line.Bytes())
	}
	return errors.Join(failed...)
}

func execute(w *bytes.Buffer, t *template.Template, v any) error {
	err := t.Execute(w, v)
	if err == nil {
		return nil
	}
	w.Reset()
	raw, jerr := rawJSON(v)
	if jerr != nil {
		return jerr
	}
	strict, jerr := t.Clone()
	if jerr != nil {
		return jerr
	}
	return strict.Option("missingkey=error").Execute(w, raw)
}

// Sorted prints a value as JSON in a line, with the keys in their order, so that lines can be compared.
func Sorted(w io.Writer, v any) error {
	raw, err := rawJSON(v)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(raw)
}

// rawJSON is a value as its JSON has it.
func rawJSON(v any) (raw any, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // 1e+09 is not what anybody asks for
	err = dec.Decode(&raw)
	return raw, err
}
