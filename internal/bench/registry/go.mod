// Benchmarks of the registry against Debian's docker-registry: a module of its own.
module github.com/caisson-dev/caisson/internal/bench/registry

go 1.26.0

require (
	github.com/caisson-dev/caisson v0.0.0
	github.com/stretchr/testify v1.11.1
)

require (
	cuelabs.dev/go/oci/ociregistry v0.0.0-20251212221603-3adeb8663819 // indirect
	github.com/davecgh/go-spew v1.1.2-0.20180830191138-d8f796af33cc // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/pmezard/go-difflib v1.0.1-0.20181226105442-5d4384ee4fb2 // indirect
	golang.org/x/sys v0.47.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/caisson-dev/caisson => ../../..
