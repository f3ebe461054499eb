# Everything here needs Go 1.26 and a network (or a warm module cache), nothing
# else: the database is fetched and started by the program itself.

# The version stamp comes from the program, not from git: a source archive
# without .git, or a checkout owned by somebody else, builds the same.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

GO ?= go
TOOL = $(GO) tool -modfile=tools.mod
# How long one fuzz target runs; FUZZTIME=5m make fuzz for a thorough run.
FUZZTIME ?= 10s
# What the test targets cover; make test PKG=./normalize/... for a part.
PKG ?= ./...
# What make image builds for; IMAGE_ARCH=amd64,arm64 for a release.
IMAGE_ARCH ?= $(shell $(GO) env GOARCH)
# More flags for go test, such as -run or -v.
TESTFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help build demo test rest test-kafka check fmt fmt-check vet staticcheck race fuzz bench bench-check bench-instructions cover accuracy image deadcode tidy-check clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/sluice
	$(GO) build -trimpath -o bin/sluice ./cmd/sluice

demo: build ## import our sample documents into an embedded PostgreSQL and show the findings
	@./fixtures/demo.sh

test: ## run all tests against an embedded PostgreSQL (TEST_DATABASE_URL=... to use your own)
	@$(GO) run ./internal/test/testsum -timeout 15m $(TESTFLAGS) $(PKG)

# What make check left out for -short, whole and without the race detector: with it every test has
# run in full, once.
rest: ## run in full what the last make check left out
	@$(GO) run ./internal/test/testsum -only bin/left -timeout 15m $(TESTFLAGS)

check: fmt-check tidy-check vet staticcheck deadcode race ## formatting, go.mod, vet, staticcheck, dead code, then the short tests under the race detector

# The tests of what talks to Kafka, once more on a real one. -count=1: it is not the code
# alone that decides. Not those that start a Kafka of their own anyway.
KAFKA_PKG ?= ./internal/kafkaclient ./outbox/... ./topics ./internal/test/brokertest ./ingest/kafka
test-kafka: ## the tests of Kafka's packages against a real Apache Kafka (needs a JDK 17 and Maven)
	@$(GO) build -o bin/testkafka ./internal/test/brokertest/testkafka
	@bin/testkafka $(GO) test -count=1 -short -timeout 10m $(TESTFLAGS) $(KAFKA_PKG)

fmt: ## format all files
	$(TOOL) gofumpt -w .

fmt-check: ## fail when a file is not formatted by gofumpt
	@bad="$$($(TOOL) gofumpt -l .)" || exit 1; \
	if [ -n "$$bad" ]; then \
		printf 'not formatted, run make fmt:\n%s\n' "$$bad" >&2; exit 1; \
	fi

vet: ## go vet
	$(GO) vet $(PKG)

staticcheck: ## staticcheck
	$(TOOL) staticcheck $(PKG)

# The race detector is C code. Without a compiler the tests are still worth
# running, so they run without it and say so.
race: ## the short tests under the race detector
	@cc="$$($(GO) env CC)"; \
	if command -v "$${cc%% *}" >/dev/null 2>&1; then \
		CGO_ENABLED=1 $(GO) run ./internal/test/testsum -left bin/left -race -short -timeout 15m $(TESTFLAGS) $(PKG); \
	else \
		echo "no C compiler ($$cc): running the short tests WITHOUT the race detector" >&2; \
		$(GO) run ./internal/test/testsum -left bin/left -short -timeout 15m $(TESTFLAGS) $(PKG); \
	fi

# go test fuzzes one target of one package at a time, hence the loops.
fuzz: ## run every fuzz target for FUZZTIME (10s)
	@set -e; for pkg in $$($(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' $(PKG)); do \
		dir="$$($(GO) list -f '{{.Dir}}' $$pkg)"; \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$dir"/*_test.go); do \
			echo "== $$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

bench: build ## measure import, matching and queue against the goals (bin/sluice bench)
	bin/sluice bench

# What is counted hardly depends on the machine: instructions (valgrind, where it is installed) and
# allocations of the pure paths. Times are for people to compare, side by side: make bench.
bench-check: ## fail when reading a format takes more instructions or allocations than internal/bench/testdata/paths.json says
	SLUICE_PATHS=count $(GO) test ./internal/bench -count=1 -timeout 30m -v -run 'TestPaths$$'

bench-instructions: ## write internal/bench/testdata/paths.json anew, after a change that is meant
	SLUICE_PATHS=count $(GO) test ./internal/bench -count=1 -timeout 30m -v -run 'TestPaths$$' -update

cover: ## coverage of all tests: coverage.out, and coverage.html to look at
	@$(GO) run ./internal/test/testsum -timeout 15m -coverpkg=./... -coverprofile=coverage.out $(TESTFLAGS) $(PKG)
	@$(GO) tool cover -html=coverage.out -o coverage.html
	@$(GO) tool cover -func=coverage.out | tail -n 1

# The judge is built in a module of its own: what it needs never reaches the product's go.mod.
accuracy: ## our findings and those of osv-scalibr against labels, each difference explained in docs/accuracy.md
	cd internal/test/accuracy/judge && $(GO) build -o ../../../../bin/judge .
	SLUICE_JUDGE="$(CURDIR)/bin/judge" $(GO) test ./cmd/sluice -count=1 -run 'TestAccuracy$$' -v

# A module of its own, as the judge is.
image: ## the container image without a container engine: bin/image, bin/image.tar, an SBOM; then its tests and those of deploy/kubernetes
	cd deploy/image && $(GO) run . -arch $(IMAGE_ARCH) && $(GO) vet ./... && $(GO) test -count=1 ./...

# The tests count as roots: what only they use is a tool of theirs. Code for other systems
# than this one is not looked at.
deadcode: ## fail when there is a function that neither a program nor a test reaches
	@dead="$$($(TOOL) deadcode -test -filter '^sluice(/|$$)' ./...)" || exit 1; \
	if [ -n "$$dead" ]; then \
		printf 'nothing reaches these functions: remove them, or use them in the same commit:\n%s\n' "$$dead" >&2; exit 1; \
	fi

tidy-check: ## fail when go.mod or go.sum are not tidy, or a module differs from its sum
	$(GO) mod tidy -diff
	$(GO) mod verify

clean: ## remove what the other targets made (not databases: those are under SLUICE_HOME)
	rm -rf bin coverage.out coverage.html
