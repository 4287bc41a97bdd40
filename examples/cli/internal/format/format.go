package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"unicode"

	"github.com/spf13/pflag"
)

// Format is the value of --format: table, json, "table " and a template, a template, or a text that is printed as it is.
type Format string

// Flag defines --format of a list. usage is empty for the usual words.
func Flag(flags *pflag.FlagSet) *Format {
	f := new(Format)
	flags.Var(f, "format", "output format: table, json, a template such as '{{.ID}}', or 'table' and a template (default table)")
	return f
}

// InspectFlag defines --format, -f of commands that describe things.
func InspectFlag(flags *pflag.FlagSet) *Format {
	f := new(Format)
	flags.VarP(f, "format", "f", "output format: json or a template such as '{{.Name}}' (default json)")
	return f
}

func (f *Format) String() string { return string(*f) }
func (f *Format) Type() string   { return "string" }

// Set is pflag's.
func (f *Format) Set(s string) error {
	*f = Format(s)
	return nil
}

// Or is another format where none was given.
func (f Format) Or(other string) Format {
	if f == "" || f == "table" {
		return Format(other)
	}
	return f
}

// IsTable says whether rows come under a header.
func (f Format) IsTable() bool { return strings.HasPrefix(string(f), "table") }

// IsJSON says whether each row is an object of its own.
func (f Format) IsJSON() bool { return f == "json" }

// Template parses the format, with Docker's functions. The text of it may have \t and \n for a tab and a line feed.
func (f Format) Template() (*template.Template, error) { return f.parse(functions) }

func (f Format) parse(functions template.FuncMap) (*template.Template, error) {
	text := string(f)
	if header, ok := strings.CutPrefix(text, "table"); ok {
		text = strings.TrimSpace(header)
	}
	return parse(text, functions)
}

func parse(text string, functions template.FuncMap) (*template.Template, error) {
	t, err := template.New("").Funcs(functions).Parse(strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(text))
	if err != nil {
		return nil, fmt.Errorf("--format %q: %w", text, err)
	}
	return t, nil
}

// functions are those of Docker's templates; text/template has more.
var functions = template.FuncMap{
	"json": toJSON, "split": strings.Split, "join": strings.Join, "lower": strings.ToLower, "upper": strings.ToUpper,
	"title": title, "pad": pad, "truncate": truncate,
}

// headings are the functions for the header of a table: they leave a column's name as it is.
var headings = template.FuncMap{
	"json": same, "split": same, "join": same, "lower": same, "upper": same, "title": same, "truncate": same, "pad": pad,
}

func same(s string, _ ...any) string { return s }

func toJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSpace(b.String()), err
}

// title makes the first letter of each word a capital one.
func title(s string) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		word := unicode.IsLetter(before) || unicode.IsDigit(before) || before == '_' || before == '\''
		before = r
		if word {
			return r
		}
		return unicode.ToTitle(r)
	}, s)
}

// pad puts spaces around what is not empty.
func pad(s string, before, after int) string {
	if s == "" {
		return s
	}
	return strings.Repeat(" ", before) + s + strings.Repeat(" ", after)
}

// truncate cuts to n bytes.
func truncate(s string, n int) string {
	if n < 0 || len(s) < n {
		return s
	}
	return s[:n]
}
