package release

import (
	"debug/buildinfo"
	"encoding/json"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/version"
)

// The part of CycloneDX 1.5 that a list of modules needs: https://cyclonedx.org/docs/1.5/json/. Without a serial number and
// a time, which are optional, it is the same for the same binaries.
type (
	bom struct {
		Format     string         `json:"bomFormat"`
		Spec       string         `json:"specVersion"`
		Version    int            `json:"version"`
		Metadata   bomMetadata    `json:"metadata"`
		Components []bomComponent `json:"components"`
	}
	bomMetadata struct {
		Component bomComponent `json:"component"`
	}
	bomComponent struct {
		Type    string `json:"type"`
		Name    string `json:"name"`
		Version string `json:"version"`
		URL     string `json:"purl,omitempty"`
	}
)

// components lists the modules that the binaries in a directory are made of, as CycloneDX.
func components(dir, v string) ([]byte, error) {
	modules := map[string]*debug.Module{}
	goVersion := ""
	for _, name := range agentbin.Names() {
		info, err := buildinfo.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		goVersion = strings.TrimPrefix(info.GoVersion, "go")
		for _, m := range info.Deps {
			modules[m.Path] = m
		}
	}
	list := bom{Format: "CycloneDX", Spec: "1.5", Version: 1}
	list.Metadata.Component = bomComponent{Type: "application", Name: "caisson-agent", Version: v, URL: purl(version.AgentModule, v)}
	list.Components = append(list.Components, bomComponent{Type: "library", Name: "stdlib", Version: goVersion, URL: purl("stdlib", goVersion)})
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		m := modules[path]
		if m.Replace != nil && m.Path != version.Module {
			m = m.Replace
		}
		at := m.Version
		if m.Path == version.Module {
			at = v
		}
		list.Components = append(list.Components, bomComponent{Type: "library", Name: m.Path, Version: at, URL: purl(m.Path, at)})
	}
	text, err := json.MarshalIndent(list, "", " ")
	return append(text, '\n'), err
}

// purl is a package URL: https://github.com/package-url/purl-spec.
func purl(path, v string) string { return "pkg:golang/" + strings.ToLower(path) + "@" + v }
