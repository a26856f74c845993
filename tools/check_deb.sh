#!/bin/sh
# Builds the Debian package, installs it in an empty Debian of the same release (debootstrap), and uses it there: a verdict by
# `fsfm detect`, and the C example built against it. As root; some 5 minutes and 1 GB below TMPDIR.
# Usage: tools/check_deb.sh [BUILD]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/release}
command -v debootstrap > /dev/null || apt-get install -y -qq debootstrap
(cd "$build" && cpack -G DEB > /dev/null)
root=$(mktemp -d)
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$root"' EXIT
mirror=$(sed -n 's/^URIs: \([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\).*/\2/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1)
debootstrap --variant=minbase "$(. /etc/os-release; echo "$VERSION_CODENAME")" "$root" "$mirror" > /dev/null
mkdir -p "$root/judge"
cp "$build"/fsfm_*.deb examples/c/detect.c "$root/judge/"
tools/fetch_assets.sh
cp third_party/assets/photos/sample1.jpg "$root/judge/photo.jpg"
mount -t proc proc "$root/proc"
run() { chroot "$root" sh -c "export DEBIAN_FRONTEND=noninteractive; cd /judge; $1"; }
run 'apt-get update -qq && apt-get install -y -qq --no-install-recommends ./fsfm_*.deb > log 2>&1 || { cat log; exit 1; }'
run 'fsfm detect photo.jpg --report report.html && test -s report.html'
run 'apt-get install -y -qq --no-install-recommends gcc libc6-dev pkg-config > log 2>&1 && cc detect.c $(pkg-config --cflags --libs fsfm) -o detect && ./detect photo.jpg'
echo "the package installs and judges"
