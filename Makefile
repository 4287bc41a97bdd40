TAGS := containers_image_openpgp,exclude_graphdriver_btrfs
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# What an importer compiles, and the programs on it, on every system.
PUBLIC := ./image ./container ./registry ./dockertest ./examples/cli ./examples/quickstart .

.PHONY: quickstart test test-short lint cross bench

# The main job, on real input, with no network.
quickstart:
	go run ./examples/quickstart

test:
	./scripts/test.sh

test-short:
	./scripts/test.sh -short

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet -tags $(TAGS) ./...
	go mod tidy -diff
	go run $(STATICCHECK) -tags $(TAGS) ./...

# The public packages compile everywhere; off Linux their calls return ErrUnsupported.
cross:
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build $(PUBLIC)
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build $(PUBLIC)
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go build $(PUBLIC)

bench:
	go test -run '^$$' -bench . ./container ./image ./registry
