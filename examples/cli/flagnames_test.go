package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestEveryOptionHasAFlag: a message of the library about any option of a container is told with the flag, and the flag
// exists. A new option fails here until it has one, or stands among those that have none.
func TestEveryOptionHasAFlag(t *testing.T) {
	none := []string{"Detach", "Pull", "ModifySpec", "Lifecycle.IdleTimeout"} // run sets these itself, or no flag does
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	newCreateFlags(flags)
	var walk func(t reflect.Type, path string) []string
	walk = func(t reflect.Type, path string) (out []string) {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || !strings.HasSuffix(t.PkgPath(), "caisson/container") {
			return []string{path}
		}
		for i := range t.NumField() {
			out = append(out, walk(t.Field(i).Type, path+"."+t.Field(i).Name)...)
		}
		return out
	}
	for _, field := range walk(reflect.TypeFor[container.Options](), "Options") {
		if slices.Contains(none, strings.TrimPrefix(field, "Options.")) {
			continue
		}
		said := speak(field + ": it is wrong")
		require.NotContains(t, said, "Options", "add %s to flagOf", field)
		name := strings.TrimSuffix(strings.Fields(said)[0], ":")
		switch {
		case strings.HasPrefix(name, "--"):
			require.NotNil(t, flags.Lookup(strings.TrimPrefix(name, "--")), said)
		case strings.HasPrefix(name, "-"):
			require.NotNil(t, flags.ShorthandLookup(strings.TrimPrefix(name, "-")), said)
		}
	}
}

func TestSpeak(t *testing.T) {
	for message, want := range map[string]string{
		`Options.Dir "x": it must be absolute`:                                                   `-w "x": it must be absolute`,
		`Options.Networking.Endpoints[0].MAC "zz": no`:                                           `--network "zz": no`,
		`Options.Resources.MemorySwap 1: it must be at least Resources.Memory (2)`:               `--memory-swap 1: it must be at least --memory (2)`,
		`UpdateOptions.Resources.CPUs -1: too few`:                                               `--cpus -1: too few`,
		`Options.Mounts[0].Source "/x": it does not exist: create it first, or set CreateSource`: `-v or --mount "/x": it does not exist: create it first, or use -v, which makes a directory`,
		`remove image x: it has several names: remove those, or set Force`:                       `remove image x: it has several names: remove those, or use -f`,
		`Options.Unknown: x`: `Options.Unknown: x`, `plain`: `plain`,
	} {
		require.Equal(t, want, speak(message))
	}
}
