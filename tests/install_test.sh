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
"$fsfm" detect "$folder/grey.ppm" | grep -q 'no face'
man -l "$folder/usr/share/man/man1/fsfm-detect.1" > /dev/null 2>&1 || test -s "$folder/usr/share/man/man1/fsfm-detect.1"
bash -c ". $folder/usr/share/bash-completion/completions/fsfm; COMP_WORDS=(fsfm detect --expl) COMP_CWORD=2; _fsfm
  test \"\${COMPREPLY[0]}\" = --explain || exit
  COMP_WORDS=(fsfm export --open) COMP_CWORD=2; _fsfm; test \"\${COMPREPLY[0]}\" = --opencv-4.6"
if command -v zsh > /dev/null; then zsh -n "$folder/usr/share/zsh/vendor-completions/_fsfm"; fi
if command -v fish > /dev/null; then
  fish -c "source $folder/usr/share/fish/vendor_completions.d/fsfm.fish; complete -C 'fsfm export --open'" | grep -q -- '--opencv-4.6'
fi

# The library, built against from outside: C by pkg-config, C++ by find_package, Python by ctypes as its guide shows. Moved, so
# that nothing in it may point back to where it was built or installed.
mv "$folder/usr" "$folder/moved"
source=$(cd "$(dirname "$0")/.." && pwd)
library=$(dirname "$(find "$folder/moved" -name libfsfm.so.0)")
shown=$(nm -D --defined-only "$library/libfsfm.so.0" | awk '$2 == "T" || $2 == "D" || $2 == "B" || $2 == "R" { print $3 }' | grep -v '^fsfm_') || true
test -z "$shown" || { echo "symbols that nobody declared: $shown"; exit 1; }
export PKG_CONFIG_PATH="$library/pkgconfig" LD_LIBRARY_PATH="$library" PYTHONPATH=
cc -std=c99 -Wall -Wextra -Werror "$source/examples/c/detect.c" $(pkg-config --cflags --libs fsfm) -o "$folder/c"
"$folder/c" "$folder/grey.ppm" | grep -q inconclusive
cc "$source/examples/c/detect.c" $(pkg-config --cflags --libs-only-L fsfm) -Wl,-Bstatic -lfsfm -Wl,-Bdynamic \
  $(pkg-config --static --libs-only-l fsfm | sed 's/-lfsfm//') -o "$folder/static"
LD_LIBRARY_PATH= "$folder/static" "$folder/grey.ppm" | grep -q inconclusive
"$folder/c" "$folder/none.ppm" 2>&1 | grep -q 'not found: .*none.ppm'
cmake -S "$source/examples/cpp" -B "$folder/cpp" -DCMAKE_PREFIX_PATH="$folder/moved" > "$folder/log"
cmake --build "$folder/cpp" >> "$folder/log"
"$folder/cpp/detect" "$folder/grey.ppm" "$folder/grey.ppm" | grep -c inconclusive | grep -qx 2
if command -v python3 > /dev/null; then
  sed -n '/^```python/,/^```/p' "$source/docs/library.md" | sed '/^```/d' > "$folder/judge.py"
  python3 "$folder/judge.py" "$folder/grey.ppm" | grep -q '0 faces'
fi
fsfm=$folder/moved/bin/fsfm

if [ "$train" = ON ]; then
  "$fsfm" pretrain --help | grep -q -- --epochs
  FSFM_MODELS_DIR='' "$fsfm" masks "$folder/grey.ppm" --no-detect --out "$folder/masks.png"
else
  "$fsfm" pretrain --help 2>&1 | grep -q fsfm-learn
fi
