package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// TestPrintWarnings: the form is that of docker build --check.
func TestPrintWarnings(t *testing.T) {
	t.Parallel()
	_, err := buildTerminal("tty", false, &strings.Builder{})
	require.ErrorContains(t, err, "standard error is not a terminal")
	show, err := buildTerminal("auto", false, &strings.Builder{})
	require.NoError(t, err)
	require.False(t, show)
	text := "FROM scratch\nCOPY index.js .\n\nCMD npm start\nENV \\\n  A 1\nuser x\n"
	rule := func(name string, first, last int) image.LintWarning {
		return image.LintWarning{BuildRule: image.BuildRule{Name: name, URL: "https://docs/" + name, Message: "about " + name}, Line: first, LastLine: last}
	}
	for _, c := range []struct {
		name string
		list []image.LintWarning
		want string
	}{
		{"none", nil, "Check complete, no warnings found.\n"},
		{"one line", []image.LintWarning{rule("JSON", 4, 4)}, `Check complete, 1 warning has been found!

WARNING: JSON - https://docs/JSON
about JSON
df:4
--------------------
   2 |     COPY index.js .
   3 |     
   4 | >>> CMD npm start
   5 |     ENV \
   6 |       A 1
--------------------
`},
		{"at the beginning and of two lines", []image.LintWarning{rule("From", 1, 1), rule("Env", 5, 6)}, `Check complete, 2 warnings have been found!

WARNING: From - https://docs/From
about From
df:1
--------------------
   1 | >>> FROM scratch
   2 |     COPY index.js .
   3 |     
--------------------

WARNING: Env - https://docs/Env
about Env
df:5
--------------------
   4 |     CMD npm start
   5 | >>> ENV \
   6 | >>>   A 1
   7 |     user x
--------------------
`},
		{"without a place", []image.LintWarning{rule("None", 0, 0), {BuildRule: image.BuildRule{Name: "Bare", Message: "no address"}, Line: 99}}, `Check complete, 2 warnings have been found!

WARNING: None - https://docs/None
about None

WARNING: Bare
no address
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			printWarnings(&b, &image.LintResult{File: "df", Text: text, Warnings: c.list})
			require.Equal(t, c.want, b.String())
		})
	}
}
