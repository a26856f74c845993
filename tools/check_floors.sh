#!/bin/sh
# An include that climbs a floor is a bug, and so is a folder that turns back on itself: prints every one and exits 1. The
# floors are those of ARCHITECTURE.md.
set -eu
cd "$(dirname "$0")/.."
allowed() {
  case "$1" in
    base) echo "base" ;;
    kernels | tensorio | metrics) echo "base $1" ;;
    media) echo "base kernels media" ;;
    model) echo "base tensorio model" ;;
    engine) echo "base kernels tensorio model engine" ;;
    face) echo "base kernels tensorio media model engine face" ;;
    masking) echo "base face masking" ;;
    data) echo "base kernels tensorio media metrics face masking data" ;;
    prepare | doctor) echo "base tensorio media metrics face masking data $1" ;;
    nn) echo "base kernels tensorio media model face masking nn" ;;
    server) echo "base tensorio media metrics model engine face masking data detect report server" ;;
    detect) echo "base tensorio media metrics model engine face masking data detect" ;;
    capi) echo "base tensorio media metrics model engine face data detect fsfm capi" ;;
    pad) echo "base media model detect pad" ;;
    report) echo "base tensorio media metrics model face masking data doctor detect report" ;;
    train) echo "base kernels tensorio media metrics model engine face masking data nn detect report train" ;;
    cli) echo "base kernels tensorio media metrics model engine face masking data prepare doctor nn detect report train server cli" ;;
  esac
}
bad=0
for file in $(find src -name "*.h" -o -name "*.cc"); do
  floor=${file#src/}
  floor=${floor%%/*}
  ok=" $(allowed "$floor") "
  for include in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$file" | sort -u); do
    case "$ok" in *" $include "*) ;; *)
      echo "$file ($floor) includes $include/, which lies above it"
      bad=1 ;;
    esac
  done
done
# Only the program knows of signals: long work in the library is handed a std::stop_token.
if grep -rn '#include "base/interrupt.h"' src | grep -v '^src/cli/\|^src/base/'; then
  echo "base/interrupt.h is for src/cli/ alone"
  bad=1
fi
# Every folder must find a place above all folders that it includes from.
if ! loop=$(find src -name "*.h" -o -name "*.cc" | while read -r file; do
  folder=$(dirname "${file#src/}")
  sed -n 's/^#include "\(.*\)\/[^/]*".*/\1/p' "$file" | grep -vx "$folder" | sed "s|^|$folder |"
done | sort -u | tsort 2>&1 >/dev/null); then
  echo "folders that include each other in a circle:"
  echo "$loop"
  bad=1
fi
exit $bad
