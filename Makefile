TAGS := containers_image_openpgp,exclude_graphdriver_btrfs
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# What an importer compiles on every system.
PUBLIC := ./image ./container ./registry/... ./dockertest ./examples/quickstart .
# The agent's rooms that touch no kernel.
PURE := ./internal/spec ./internal/etcfiles ./internal/names
# The modules that CI vets and tests; those of the benchmarks and of the conformance suite are tidied too.
MODULES := . agent examples/cli
OTHERS := internal/bench/dockertest internal/bench/link internal/bench/registry internal/registryconformance

.PHONY: quickstart test test-short cover lint cross bench

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

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	@set -e; for m in $(MODULES); do echo "lint $$m"; (cd $$m; go vet -tags $(TAGS) ./...; go run $(STATICCHECK) -tags $(TAGS) ./...); done
	@set -e; for m in $(MODULES) $(OTHERS); do (cd $$m; go mod tidy -diff); done

# The public packages compile everywhere; off Linux their calls return ErrUnsupported.
cross:
	@set -e; for target in linux/arm64 darwin/arm64 windows/amd64; do \
		export GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0; \
		go build $(PUBLIC); (cd examples/cli; go build -o /dev/null .); (cd agent; go build $(PURE)); done

bench:
	go test -run '^$$' -bench . ./container ./image ./registry
