#!/usr/bin/env bash
# Installs what the peers of bench/compare.sh need: Debian's packages, and those of npm into build/peers.
set -euo pipefail
sudo=$([[ $(id -u) -eq 0 ]] || echo sudo)
node=$(command -v npm >/dev/null || echo nodejs npm)  # a Node.js from elsewhere refuses Debian's npm
# shellcheck disable=SC2086  # none or two words
$sudo apt-get install -y --no-install-recommends python3-pil python3-numpy python3-torch libopenblas-openmp-dev $node
packages=${PACKAGES:-$(dirname "$0")/../build/peers}
mkdir -p "$packages"
cp "$(dirname "$0")"/peers/package*.json "$packages"
(cd "$packages" && npm ci --ignore-scripts --no-audit --no-fund)
