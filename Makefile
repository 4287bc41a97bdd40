TAGS := containers_image_openpgp,exclude_graphdriver_btrfs
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# What an importer compiles on every system.
PUBLIC := ./image ./container ./registry/... ./dockertest ./examples/quickstart .
# The agent's rooms that touch no kernel.
PURE := ./internal/spec ./internal/etcfiles ./internal/names
# The modules that CI vets and tests. Those of the benchmarks, of the conformance suite and of the tests through other clients
# are tidied too.
MODULES := . agent examples/cli dockerapi
OTHERS := internal/bench/dockertest internal/bench/link internal/bench/registry internal/registryconformance dockerapi/internal/clienttest

.PHONY: quickstart test test-short cover lint cross walk-docker bench torture release reproducible reproducible-short

# The main job, on real input, with no network.
quickstart:
	go run ./examples/quickstart

test:
	./scripts/test.sh

test-short:
	./scripts/test.sh -short

# Statement coverage of the packages and of the agent, by all tests.
cover:
	./scripts/cover.sh

# With -trimpath what is compiled does not depend on where the checkout is: the build cache serves them all.
lint: export GOFLAGS := $(GOFLAGS) -trimpath
lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	@set -e; for m in $(MODULES); do echo "lint $$m"; (cd $$m; go vet -tags $(TAGS) ./...; go run $(STATICCHECK) -tags $(TAGS) ./...); done
	@set -e; for m in $(MODULES) $(OTHERS); do (cd $$m; go mod tidy -diff); done

# The public packages compile everywhere; off Linux their calls return ErrUnsupported.
cross: export GOFLAGS := $(GOFLAGS) -trimpath
cross:
	@set -e; for target in linux/arm64 darwin/arm64 windows/amd64; do \
		export GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0; \
		go build $(PUBLIC); (cd examples/cli; go build -o /dev/null .); (cd agent; go build $(PURE)); done

# The prebuilt agents of a version in dist/VERSION, and their sums in the source: docs/releasing.md.
release:
	@test -n "$(VERSION)" || { echo "give the version: make release VERSION=v1.2.3"; exit 1; }
	cd agent; go run ./internal/release/binaries -checkout .. -out ../dist -pin $(VERSION)

# Two builds of the prebuilt agents are equal, and need nothing of the machine; a fresh user's test passes with them.
reproducible:
	./scripts/reproducible.sh
	cd agent; CAISSON_TEST_STATIC=1 go test -count=1 -tags $(TAGS) -run 'TestConsumer/(few|prebuilt)' ./internal/consumertest

reproducible-short:
	./scripts/reproducible.sh -short

# Asks a docker for its answers to the command lines of examples/cli/testdata/walk. Its daemon must have no containers,
# images or volumes, because the walk removes what it finds at its end.
walk-docker:
	cd examples/cli && go test -count=1 -timeout 30m -run '^TestWalk$$' . -walk-docker=$$(command -v $${DOCKER:-docker})

# Processes that work with one store while they, their agents and containers are killed. SEED repeats a run's choices.
DURATION ?= 10m
PROCESSES ?= 8
SEED ?= 0
torture:
	go test -count=1 -timeout 0 -v ./internal/torture -torture.duration=$(DURATION) -torture.processes=$(PROCESSES) -torture.seed=$(SEED)

# Everything beside its peers, in turns. A peer that this machine lacks is named, and the rest goes on.
bench:
	mkdir -p bin
	go run ./internal/bench/peers -json bin/bench.json -svg bin/bench.svg
	-cd internal/bench/dockertest && go run .
	-cd internal/bench/registry && go test -run '^$$' -bench .
	go test -run '^$$' -bench . ./container ./image
