package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociclient"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// exampleLogin serves an empty registry that user ci may log in to.
func exampleLogin() *server.Serving {
	reg, err := server.Serve(server.Options{
		Auth: server.Auth{Users: []server.User{{Name: "ci", Password: "correct horse"}}},
	}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return reg
}

// exampleRegistry serves a registry that has an image for two platforms, app:1 and app:2, and a signature of it.
func exampleRegistry() *server.Serving {
	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	c, err := ociclient.New(reg.Addr, &ociclient.Options{Insecure: true})
	if err != nil {
		log.Fatal(err)
	}
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	index.SchemaVersion = 2
	for _, arch := range []string{"amd64", "arm64"} {
		config := exampleBlob(c, fmt.Sprintf(`{"architecture":%q}`, arch))
		m := registrytest.ImageManifest(config, exampleBlob(c, "layer for "+arch))
		desc := exampleManifest(c, "", m.MediaType, m)
		desc.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		index.Manifests = append(index.Manifests, desc)
	}
	exampleManifest(c, "2", index.MediaType, index)
	desc := exampleManifest(c, "1", index.MediaType, index)
	signature := registrytest.ImageManifest(exampleBlob(c, "{}"))
	signature.Subject, signature.ArtifactType = &desc, "application/x-signature"
	exampleManifest(c, "", signature.MediaType, signature)
	return reg
}

func exampleBlob(c ociregistry.Interface, content string) ociregistry.Descriptor {
	desc := ociregistry.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromString(content), Size: int64(len(content))}
	if _, err := c.PushBlob(context.Background(), "app", desc, strings.NewReader(content)); err != nil {
		log.Fatal(err)
	}
	return desc
}

func exampleManifest(c ociregistry.Interface, tag, mediaType string, m any) ociregistry.Descriptor {
	data, err := json.Marshal(m)
	if err != nil {
		log.Fatal(err)
	}
	desc, err := c.PushManifest(context.Background(), "app", tag, data, mediaType)
	if err != nil {
		log.Fatal(err)
	}
	return desc
}
