#!/bin/sh
# Formatting of every source, and clang-tidy of the sources changed since BASE: what CI asks beside the tests.
# Usage: tools/check_style.sh [BUILD [BASE]]     BUILD: a configured build folder (its compile commands; default
# build/release); BASE: a commit (default: no clang-tidy). Installs clang-format and clang-tidy where they are missing.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/release}
base=${2:-}
need() {
  command -v "$1" >/dev/null 2>&1 && return
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}
need clang-format
git ls-files '*.cc' '*.h' '*.hpp' | xargs clang-format --dry-run -Werror
[ -n "$base" ] || exit 0
need clang-tidy
git diff --name-only --diff-filter=AMR "$base" -- 'src/*.cc' | xargs -r -n 8 -P "$(nproc)" clang-tidy -p "$build" --quiet --warnings-as-errors='*'
