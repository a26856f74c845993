# Two commands do everything on a bare Debian 12: `make demo` and `make test`. `make` alone builds build/release/fsfm.
PRESET ?= release
JOBS ?= $(shell nproc)
BUILD := build/$(PRESET)
CMAKE_FLAGS ?=

.PHONY: all deps assets build test demo format style clean
all: build

deps:
	@tools/install_deps.sh

assets: deps
	@tools/fetch_assets.sh

build: deps
	@test -f $(BUILD)/build.ninja || cmake --preset $(PRESET) $(CMAKE_FLAGS)
	cmake --build $(BUILD) --parallel $(JOBS)

test: build
	ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS)

demo: build assets
	tools/demo.sh $(BUILD)/fsfm

format:
	git ls-files '*.cc' '*.h' '*.hpp' | xargs clang-format -i

style:
	tools/check_style.sh $(BUILD) $(BASE)

clean:
	rm -rf build demo
