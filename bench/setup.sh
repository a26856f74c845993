#!/usr/bin/env bash
# Installs what the peers of bench/compare.sh need, from Debian.
set -euo pipefail
sudo=$([[ $(id -u) -eq 0 ]] || echo sudo)
$sudo apt-get install -y --no-install-recommends python3-pil python3-numpy python3-torch libopenblas-openmp-dev
