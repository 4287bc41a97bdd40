package version

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLocate(t *testing.T) {
	const mod = "github.com/caisson-dev/caisson"
	for name, test := range map[string]struct {
		file    string
		modules string // vendor/modules.txt
		want    place
	}{
		"checkout":           {file: "/src/caisson/internal/version/version.go", want: place{dir: "/src/caisson"}},
		"checkout, Windows":  {file: "C:/src/caisson/internal/version/version.go", want: place{dir: "C:/src/caisson"}},
		"module cache":       {file: "/go/pkg/mod/" + mod + "@v1.2.3/internal/version/version.go", want: place{version: "v1.2.3", dir: "/go/pkg/mod/" + mod + "@v1.2.3"}},
		"capitals":           {file: "/m/" + mod + "@v1.2.3-!r!c1/internal/version/version.go", want: place{version: "v1.2.3-RC1", dir: "/m/" + mod + "@v1.2.3-!r!c1"}},
		"trimmed":            {file: mod + "@v1.2.3/internal/version/version.go", want: place{version: "v1.2.3"}},
		"trimmed, replaced":  {file: mod + "@v0.0.0/internal/version/version.go"},
		"trimmed, tidied":    {file: mod + "@v0.0.0-00010101000000-000000000000/internal/version/version.go"},
		"trimmed, checkout":  {file: mod + "/internal/version/version.go"},
		"vendored":           {file: "/src/app/vendor/" + mod + "/internal/version/version.go", modules: "# a v1\n# " + mod + " v1.2.3\n## explicit\n", want: place{version: "v1.2.3"}},
		"vendored, replaced": {file: "/src/app/vendor/" + mod + "/internal/version/version.go", modules: "# " + mod + " v0.0.0 => ../caisson\n", want: place{dir: "/src/caisson"}},
		"vendored, elsewhere": {
			file: "/src/app/vendor/" + mod + "/internal/version/version.go", modules: "# " + mod + " v0.0.0 => /opt/caisson\n", want: place{dir: "/opt/caisson"},
		},
		"vendored, a fork":   {file: "/src/app/vendor/" + mod + "/internal/version/version.go", modules: "# " + mod + " v1.0.0 => example.com/fork v1.2.3\n"},
		"vendored, no list":  {file: "/src/app/vendor/" + mod + "/internal/version/version.go"},
		"vendored, agent's":  {file: "/src/app/vendor/" + mod + "/internal/version/version.go", modules: "# " + mod + "/agent v1.2.3\n"},
		"nothing":            {},
		"of another package": {file: "/src/caisson/x.go"},
	} {
		got := locate(test.file, func(path string) ([]byte, error) {
			if path != filepath.FromSlash("/src/app/vendor/modules.txt") || test.modules == "" {
				return nil, errors.New("not there")
			}
			return []byte(test.modules), nil
		})
		test.want.dir = filepath.FromSlash(test.want.dir)
		assert.Equal(t, test.want, got, name)
	}
}
