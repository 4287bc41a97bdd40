// The conformance suite of the OCI distribution spec against this project's registry: a module of its own, so that
// importers do not get its dependencies.
module github.com/caisson-dev/caisson/internal/registryconformance

go 1.26.0

require (
	github.com/caisson-dev/caisson v0.0.0
	github.com/stretchr/testify v1.11.1
)

require (
	cuelabs.dev/go/oci/ociregistry v0.0.0-20251212221603-3adeb8663819 // indirect
	github.com/davecgh/go-spew v1.1.2-0.20180830191138-d8f796af33cc // indirect
	github.com/goccy/go-yaml v1.18.0 // indirect
	github.com/opencontainers/distribution-spec/conformance v0.0.0-20260831232431-97274622c111 // indirect
	github.com/opencontainers/distribution-spec/specs-go v0.0.0-20240926185104-8376368dd8aa // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/pmezard/go-difflib v1.0.1-0.20181226105442-5d4384ee4fb2 // indirect
	golang.org/x/sys v0.47.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/caisson-dev/caisson => ../..

tool github.com/opencontainers/distribution-spec/conformance
