# Everything that this repository builds, checks and generates; `make` alone says what there is.
# It needs Go, make, git and a shell, and a C compiler for the race detector. Tools and the sandbox's components are built
# from source, once, into the user's cache folder.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

export GOWORK := off

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/metapilot
GOBIN := $(or $(shell go env GOBIN),$(shell go env GOPATH)/bin)

# The tools are those of tools/go.mod, kept apart by their versions, their sources and the Go that builds them.
TOOLS_KEY := $(shell { cat tools/go.mod tools/go.sum tools/cmd/*/*.go; go env GOVERSION GOOS GOARCH; } | git hash-object --stdin | cut -c1-12)
TOOLS := $(CACHE)/tools/$(TOOLS_KEY)
CONTROLLER_GEN := $(TOOLS)/controller-gen
CRD_REF_DOCS := $(TOOLS)/crd-ref-docs
GOLANGCI_LINT := $(TOOLS)/golangci-lint
KUSTOMIZE := $(TOOLS)/kustomize

# Go files that are ours to format: what git tracks or would track.
GO_FILES = git ls-files --cached --others --exclude-standard --deduplicate -- '*.go'

# A fixed timeout for suites that start a sandbox: its components may have to be compiled first.
TEST_TIMEOUT := 30m

##@ Help

.PHONY: help
help: ## Say what there is.
	@awk 'BEGIN { FS = ":.*## "; print "make TARGET" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Build

.PHONY: build
build: ## Build bin/metapilot and bin/sandbox, static.
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/ ./cmd/metapilot ./cmd/sandbox

.PHONY: install
install: ## Install metapilot, and kubectl-metapilot (the same program), into GOBIN.
	CGO_ENABLED=0 GOBIN=$(GOBIN) go install -trimpath -ldflags='-s -w' ./cmd/metapilot
	ln -sf metapilot $(GOBIN)/kubectl-metapilot

.PHONY: components
components: ## Build the sandbox's etcd, kube-apiserver, … once, into the cache (15 minutes the first time).
	@go run ./cmd/sandbox build

.PHONY: clean
clean: ## Remove what was built in this folder; the cache stays.
	rm -rf bin

##@ Change

.PHONY: generate
generate: $(CONTROLLER_GEN) $(CRD_REF_DOCS) ## Write deepcopy, apply configurations, CRDs, RBAC and docs/api.md anew.
	@$(CONTROLLER_GEN) object:headerFile=tools/header.txt applyconfiguration:headerFile=tools/header.txt paths=./apis/...
	@$(CONTROLLER_GEN) crd paths=./apis/v1alpha1 output:crd:dir=config/crd/bases
	@$(CONTROLLER_GEN) rbac:roleName=metapilot-manager,fileName=role.yaml paths=./controllers/... paths=./scalers/... paths=./profiles/... paths=./cmd/... output:rbac:dir=config/rbac
	@$(CRD_REF_DOCS) --source-path=apis --config=tools/apidocs/config.yaml --templates-dir=tools/apidocs \
		--renderer=markdown --output-path=docs/api.md --log-level=ERROR

.PHONY: fmt
fmt: ## Format the Go files.
	@$(GO_FILES) | xargs gofmt -s -w

.PHONY: tidy
tidy: ## Tidy both modules.
	go mod tidy
	go -C tools mod tidy

##@ Check

.PHONY: verify
verify: ## All that must hold before a push: generate, format, vet, lint, dependency rules, tidy, a clean tree.
	@$(MAKE) generate verify-format verify-vet lint verify-imports verify-config verify-tidy verify-clean

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Lint, API conventions included.
	@$(GOLANGCI_LINT) run

.PHONY: test
test: race components ## Run every test with the race detector, suites against the sandbox included.
	go test -race -timeout=$(TEST_TIMEOUT) ./...

.PHONY: test-unit
test-unit: ## Run only the tests that start no API server.
	@go test $$(go list -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... | \
		awk '$$1 ~ /\.test$$/ && !/metapilot\/test\/sandbox( |$$)/ { sub(/\.test$$/, "", $$1); print $$1 }')

.PHONY: bench
bench: ## Run every benchmark, briefly.
	go test -run='^$$' -bench=. -benchmem ./...

.PHONY: bench-reaction
bench-reaction: build ## Compare with VPA how long an OOM-killed component waits for memory (8 minutes).
	@go run ./test/bench/reaction

##@ Try

.PHONY: demo
demo: build ## Show Metapilot at work on a sandbox's tenants.
	@go run ./test/demo

# --- the parts of verify -----------------------------------------------------------------------------------------------

.PHONY: verify-format verify-vet verify-imports verify-config verify-tidy verify-clean race

verify-format:
	@unformatted=$$($(GO_FILES) | xargs gofmt -s -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted; run 'make fmt':"; echo "$$unformatted"; exit 1; fi

verify-vet:
	@go vet ./...
	@go -C tools vet ./...

verify-imports:
	@go test ./test

verify-config: $(KUSTOMIZE)
	@$(KUSTOMIZE) build config/default >/dev/null

verify-tidy:
	@go mod tidy -diff || { echo "go.mod is not tidy; run 'make tidy'"; exit 1; }
	@go -C tools mod tidy -diff || { echo "tools/go.mod is not tidy; run 'make tidy'"; exit 1; }

verify-clean:
	@if [ -n "$$(git status --porcelain)" ]; then \
		git --no-pager diff HEAD; git status --short; \
		echo "the tree is dirty: commit what was generated (and what you changed), then verify again"; exit 1; fi

race:
	@[ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null || { \
		echo "the race detector needs cgo and a C compiler: install gcc or clang (and leave CGO_ENABLED unset)."; \
		echo "Without one, 'go test ./...' runs the same tests without the race detector."; exit 1; }

# --- tools -------------------------------------------------------------------------------------------------------------

$(TOOLS)/%:
	@echo "building $* (once) into $(TOOLS)" >&2
	@cd tools && GOBIN=$(TOOLS) go install -trimpath -ldflags='-s -w' "$$(go list tool | grep -E '/$*(/v[0-9]+)?$$')"
