#!/bin/sh
# Installs what fsfm builds and runs with, from Debian 12's own packages. Safe to run again: does nothing when all is there.
# Usage: tools/install_deps.sh [--core]      --core leaves out libtorch (no training commands)
set -eu

packages="build-essential cmake ninja-build pkg-config git ca-certificates
  libopencv-dev libdlib-dev libdnnl-dev libhwy-dev liblapack-dev nlohmann-json3-dev libcli11-dev libspdlog-dev libtomlplusplus-dev
  libavformat-dev libavcodec-dev libavfilter-dev libswscale-dev libavutil-dev ffmpeg
  libssl-dev zlib1g-dev libpng-dev libjpeg62-turbo-dev libtiff-dev libwebp-dev libgif-dev libheif-dev liblcms2-dev libgtest-dev libopenblas-openmp-dev npm libcpp-httplib-dev libsqlite3-dev libseccomp-dev"
[ "${1:-}" = "--core" ] || packages="$packages libtorch-dev libgloo-dev"

missing=""
for package in $packages; do
  # A Node.js from elsewhere brings npm along and refuses Debian's.
  [ "$package" = npm ] && command -v npm >/dev/null 2>&1 && continue
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then run=""; elif command -v sudo >/dev/null 2>&1; then run=sudo; else
  echo "install_deps: need root to install:$missing; run it as root or install sudo" >&2
  exit 2
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
# shellcheck disable=SC2086  # a list of words on purpose
$run apt-get install -y -qq --no-install-recommends $missing
