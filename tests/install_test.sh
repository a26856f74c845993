#!/bin/sh
# Installs a build into an empty folder and uses it from there, without the checkout's models.
# Usage: tests/install_test.sh BUILD [ON]        ON: with the learning program
set -eu
build=$1 train=${2:-OFF}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/usr" > "$folder/log"
fsfm=$folder/usr/bin/fsfm
test -s "$folder/usr/share/fsfm/models/fsfm-detector.safetensors"
"$fsfm" --version
# A grey picture holds no face, which is an answer; the model and the face detector were found to give it.
printf 'P6 64 64 255\n' > "$folder/grey.ppm"
head -c 12288 /dev/zero | tr '\0' '\200' >> "$folder/grey.ppm"
"$fsfm" detect "$folder/grey.ppm" | grep -q 'no face'
if [ "$train" = ON ]; then
  "$fsfm" pretrain --help | grep -q -- --epochs
  FSFM_MODELS_DIR='' "$fsfm" masks "$folder/grey.ppm" --no-detect --out "$folder/masks.png"
else
  "$fsfm" pretrain --help 2>&1 | grep -q fsfm-learn
fi
