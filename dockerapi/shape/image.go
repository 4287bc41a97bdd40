package shape

import (
	"slices"
	"strings"

	"github.com/distribution/reference"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	docker "github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/storage"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/image"
)

// Image is an image as docker image inspect shows it, with the fields that versions of the API before 1.52 have beside
// those of today's types.
type Image struct {
	docker.InspectResponse
	Parent        string
	DockerVersion string
	VirtualSize   int64 `json:",omitempty"` // until 1.43
}

// InspectImage describes an image.
func InspectImage(img *image.Image) *Image {
	tags, digests := Tags(img)
	cfg := img.Config
	out := &Image{InspectResponse: docker.InspectResponse{
		ID: img.ID, RepoTags: tags, RepoDigests: digests, Created: Stamp(img.Created), Size: img.Size,
		Author: img.Author, Comment: img.Comment, Architecture: img.Arch, Variant: img.Variant, Os: img.OS,
		RootFS: docker.RootFS{Type: "layers", Layers: img.Layers}, GraphDriver: &storage.DriverData{Name: Driver, Data: map[string]string{}},
		Config: &dockerspec.DockerOCIImageConfig{
			ImageConfig: ocispec.ImageConfig{
				User: cfg.User, Env: cfg.Env, Entrypoint: cfg.Entrypoint, Cmd: cfg.Cmd, WorkingDir: cfg.WorkingDir, StopSignal: cfg.StopSignal,
				Labels: img.Labels, Volumes: set(cfg.Volumes), ExposedPorts: set(cfg.ExposedPorts),
			},
			DockerOCIImageConfigExt: dockerspec.DockerOCIImageConfigExt{Shell: cfg.Shell, OnBuild: cfg.OnBuild},
		},
	}}
	if h := cfg.Health; h != nil {
		out.Config.Healthcheck = &dockerspec.HealthcheckConfig{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
		}
	}
	return out
}

func set(names []string) map[string]struct{} {
	if len(names) == 0 {
		return nil
	}
	out := map[string]struct{}{}
	for _, n := range names {
		out[n] = struct{}{}
	}
	return out
}

// Tags are the names of an image as Docker lists them: those with a tag, and those with a digest.
func Tags(img *image.Image) (tags, digests []string) {
	tags, digests = []string{}, []string{}
	for _, n := range img.Names {
		if f := Familiar(n); strings.Contains(f, "@") {
			digests = append(digests, f)
		} else {
			tags = append(tags, f)
		}
	}
	for _, d := range img.Digests {
		if f := Familiar(d); strings.Contains(f, "@") && !slices.Contains(digests, f) {
			digests = append(digests, f)
		}
	}
	return tags, digests
}

// Familiar is a name as Docker shortens it. What is not a name stays as it is.
func Familiar(name string) string {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return reference.FamiliarString(ref)
}

// ImageSummary is an image as docker images lists it.
type ImageSummary struct {
	docker.Summary
	VirtualSize int64 `json:",omitempty"` // until 1.43
}

// ListedImage describes an image in a list. containers is how many are made of it; -1 if that was not counted.
func ListedImage(img *image.Image, containers, shared int64) ImageSummary {
	tags, digests := Tags(img)
	s := ImageSummary{Summary: docker.Summary{
		Containers: containers, Created: img.Created.Unix(), ID: img.ID, Labels: img.Labels, RepoDigests: digests, RepoTags: tags,
		SharedSize: shared, Size: img.Size,
	}}
	return s
}

// History are the steps of an image as docker history shows them. The first has the image's id and its tags.
func History(img *image.Image, steps []image.Step) []docker.HistoryResponseItem {
	out := []docker.HistoryResponseItem{}
	for i, st := range steps {
		item := docker.HistoryResponseItem{
			ID: "<missing>", Created: st.Created.Unix(), CreatedBy: st.CreatedBy, Comment: st.Comment, Size: st.Size,
		}
		if i == 0 {
			item.ID = img.ID
			item.Tags, _ = Tags(img)
		}
		if len(item.Tags) == 0 {
			item.Tags = nil
		}
		out = append(out, item)
	}
	return out
}
