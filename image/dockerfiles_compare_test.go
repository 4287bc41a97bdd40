//go:build linux

package image_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// changed are the lines of a tree that the base does not have, and "gone: NAME" for each file that the base alone has. The
// tree of an image that is not of the base is shown whole.
func (d *dockerfiles) changed(got map[string]string) (lines []string) {
	ofBase := got["bin/sh"] != "" && got["bin/sh"] == d.base["bin/sh"]
	for name, line := range got {
		if !ofBase || d.base[name] != line {
			lines = append(lines, line)
		}
	}
	if ofBase {
		for name := range d.base {
			if got[name] == "" {
				lines = append(lines, "gone: "+name)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// compareLines compares trees. The last line of the tree that came is its root, which few cases ask for.
func compareLines(want, got []string) string {
	if !slices.ContainsFunc(want, func(line string) bool { return strings.HasPrefix(line, "/ ") }) {
		got = got[:len(got)-1]
	}
	var b strings.Builder
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&b, "tree: want %s\n", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&b, "tree: got  %s\n", line)
		}
	}
	return b.String()
}

// compareError looks for lines in an error; "line N" is that of the Dockerfile.
func compareError(err error, want []string) string {
	if err == nil {
		return "it is built, and should not be"
	}
	var b strings.Builder
	for _, line := range want {
		var number int
		if _, serr := fmt.Sscanf(line, "line %d", &number); serr == nil {
			var be *image.BuildError
			if errors.As(err, &be) && be.Line == number || strings.Contains(err.Error(), fmt.Sprintf("ockerfile:%d", number)) {
				continue
			}
		} else if strings.Contains(err.Error(), line) {
			continue
		}
		fmt.Fprintf(&b, "error: no %q in: %v\n", line, err)
	}
	return b.String()
}

// compareConfig compares the fields that are named: each line is a name of the configuration's JSON and its value.
func compareConfig(img *image.Image, want []string) string {
	config, err := json.Marshal(img.Config)
	if err != nil {
		return err.Error()
	}
	got := map[string]json.RawMessage{}
	if err := json.Unmarshal(config, &got); err != nil {
		return err.Error()
	}
	for name, value := range map[string]any{"labels": img.Labels, "os": img.OS, "arch": img.Arch} {
		if got[name], err = json.Marshal(value); err != nil {
			return err.Error()
		}
	}
	var b strings.Builder
	for _, line := range want {
		name, value, _ := strings.Cut(line, " ")
		if got[name] == nil {
			got[name] = json.RawMessage("null")
		}
		if string(got[name]) != value {
			fmt.Fprintf(&b, "config: want %s %s\nconfig: got  %s %s\n", name, value, name, got[name])
		}
	}
	return b.String()
}

// compareHistory compares the youngest entries: each line is "layer" or "empty" and what made it.
func compareHistory(steps []image.Step, want []string) string {
	var got []string
	for _, s := range slices.Backward(steps[:min(len(steps), len(want))]) {
		kind := "empty "
		if s.Layer != "" {
			kind = "layer "
		}
		got = append(got, kind+s.CreatedBy)
	}
	if slices.Equal(got, want) {
		return ""
	}
	return fmt.Sprintf("history: want\n%s\nhistory: got\n%s\n", strings.Join(want, "\n"), strings.Join(got, "\n"))
}

// TestDockerfileCases: the form of the cases is checked, and no two have one name.
func TestDockerfileCases(t *testing.T) {
	t.Parallel()
	cases, err := readCases()
	require.NoError(t, err)
	names := map[string]bool{}
	for _, c := range cases {
		require.False(t, names[c.name], "two cases are called %s", c.name)
		names[c.name] = true
	}
	for text, says := range map[string]string{
		"text\n":                        "before the first case",
		"=== a\nsauce: b\n":             "unknown setting",
		"=== a\n-- tree --\n":           "no source",
		"=== a\nsource: b\n-- f --\n":   "it wants nothing",
		"=== a\n\nsource: b\n-- f --\n": "unknown setting",
	} {
		_, err := parseCases("file", text)
		require.ErrorContains(t, err, says, text)
	}
}
