# make test   runs every test of every module, with the race detector
# make lint   gofmt, go vet, for other systems too, and staticcheck over every module
# make bench  the benchmarks beside the code
# make fuzz   every fuzz target for FUZZTIME (default 30s)
# make generate  rebuilds the files made from .proto files
# make services  brings up the servers that the integration tests find missing

GO       ?= go
FUZZTIME ?= 30s
COUNT    ?= 1
BIN      := $(CURDIR)/bin
SYSTEMS  := linux windows darwin
MODULES  := $(sort $(patsubst %/go.mod,%,$(wildcard */go.mod */*/go.mod)))
CODE     := . $(filter-out tools,$(MODULES))

# The race detector needs cgo and a C compiler on Linux. Without them the tests
# run all the same, and say so.
CC_FOUND := $(shell test "$$($(GO) env CGO_ENABLED)" = 1 && command -v "$$($(GO) env CC)" >/dev/null 2>&1 && echo yes)
RACE     := $(if $(CC_FOUND),-race,)

# At its exit a program waits a second for reports of the race detector. Those are
# minutes for the programs of all packages, and a report needs no time to speak of.
export GORACE ?= atexit_sleep_ms=20

.PHONY: all test lint fmt vet staticcheck generated bench fuzz generate services clean

all: lint test

test:
	@test -n "$(RACE)" || echo "no C compiler found: testing without the race detector"
	@for m in $(CODE); do \
		echo "==> go test $(RACE) $$m"; \
		if [ $$m = integration ]; then (cd $$m && $(GO) run ./backends) || exit 1; fi; \
		(cd $$m && $(GO) test $(RACE) -count=$(COUNT) -timeout=10m ./...) || exit 1; \
	done

lint: fmt vet staticcheck generated

# Files made from .proto files must be those that make generate would make.
generated:
	@scripts/generate -check

fmt:
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

# Tests included, and for the systems that this is not, which need no C compiler.
vet:
	@for os in $(SYSTEMS); do for m in $(CODE); do \
		echo "==> GOOS=$$os go vet $$m"; \
		(cd $$m && GOOS=$$os $(GO) vet ./...) || exit 1; \
	done; done

$(BIN)/staticcheck: tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	@cd tools && $(GO) build -o $(BIN)/staticcheck honnef.co/go/tools/cmd/staticcheck

staticcheck: $(BIN)/staticcheck
	@for m in $(CODE); do echo "==> staticcheck $$m"; (cd $$m && $(BIN)/staticcheck ./...) || exit 1; done

bench:
	$(GO) test -run='^$$' -bench=. -benchmem ./...

fuzz:
	@scripts/fuzz $(FUZZTIME)

generate:
	@scripts/generate

services:
	@scripts/services

clean:
	rm -rf $(BIN)
