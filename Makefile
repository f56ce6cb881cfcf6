# SPDX-License-Identifier: Apache-2.0
# The commands of the project. Each goes from a fresh clone to its result; scripts/ holds what they do.
.DEFAULT_GOAL := help
.PHONY: help deps build demo serve conditions bench-peers test check fuzz format tidy clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:  ## install or download what the build needs (Debian packages, libtorch, the CLIP vocabulary)
	@scripts/bootstrap.sh

build: deps  ## compile everything into build/release
	@scripts/build.sh release

demo: deps  ## turn the edges of a photograph into new pictures: out/demo_sheet.png
	@scripts/demo.sh

serve: deps  ## run the studio: prints the address to open in the browser (ARGS="--port 8000 ...")
	@scripts/serve.sh $(ARGS)

conditions: deps build  ## draw and measure the nine conditions for docs/conditions.md (three quarters of an hour)
	@scripts/conditions.sh

bench-peers: deps build  ## compare with other programs on this CPU: build/bench/peers.md (hours; ARGS="--rehearse" tries it)
	@bench/peers/bench_peers.py $(ARGS)

test:  ## all tests, as CI runs them (up to 45 minutes on two cores)
	@scripts/bootstrap.sh web
	@scripts/check.sh

check: deps  ## the fast tests, after a change (under three minutes)
	@scripts/check.sh --quick

fuzz: deps  ## each fuzzer for a minute (SECONDS_EACH=60), with clang
	@scripts/fuzz.sh

format: deps  ## format the C++ files in place and bring src/README.md up to date
	@scripts/format.sh
	@scripts/src_readme.py

tidy: deps  ## clang-tidy on the files changed since the last commit (or FILES="...")
	@scripts/tidy.sh $(FILES)

clean:  ## remove build/ and out/; .deps/ stays
	rm -rf build out
