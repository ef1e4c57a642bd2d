# Every target sets up what the machine lacks: on Debian and Ubuntu by apt, else it says what to install.

# A fresh rustup is not yet in the PATH of the shell it was installed from.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: help demo test build dist deb lint docs book deploy-check fuzz sbom
.DEFAULT_GOAL := help

help: ## Print the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 20

demo: ## Show the whole road on this machine: ARGS="…" goes to `rowkind demo`
	@scripts/setup.sh build postgres
	cargo run --release --locked -- demo $(ARGS)

test: ## Run all tests, documentation examples included
	@scripts/setup.sh build postgres book
	cargo test --workspace --locked

build: ## Build the release binary
	@scripts/setup.sh build
	cargo build --release --locked

dist: ## Build the binary that is shipped: small, and with no path of this machine in it
	@scripts/setup.sh build
	scripts/dist.sh

deb: dist ## Make a Debian package of it; needs cargo-deb
	scripts/deb.sh

lint: ## Check formatting, clippy, shell scripts and the compose file; any warning fails
	@scripts/setup.sh build lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --package rowkind-formats --no-default-features --all-targets --locked -- -D warnings
	shellcheck .ci/run scripts/*.sh deploy/*/*.sh
	$(shell docker compose version > /dev/null 2>&1 && echo docker compose || echo docker-compose) --file docker-compose.yml --profile observe config --quiet

docs: ## Build the documentation; any warning fails
	@scripts/setup.sh build
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace --locked

deploy-check: ## Check alerts, dashboard and Kubernetes manifests; what lacks its tool is left out, and said
	@scripts/setup.sh observe
	scripts/deploy.sh

book: ## Build the book of docs/ into target/book; needs mdbook (cargo install --locked mdbook)
	mdbook build

fuzz: ## Fuzz every decoder for SECONDS=60, from the recorded records; needs nightly Rust and cargo-fuzz
	scripts/fuzz.sh $(or $(SECONDS),60)

sbom: ## Write what the binary is made of to rowkind.cdx.json; needs cargo-cyclonedx
	cargo cyclonedx --format json --manifest-path Cargo.toml
