#!/bin/sh
# Exported networks in ONNX Runtime (npm, fetched into FOLDER once): every head beside the authors' logits and the scores of
# `fsfm evaluate`. 77 = no npm registry to fetch it from.
# Usage: tests/onnx/run.sh FSFM FOLDER [MODEL...]     MODEL: also these; default: the detector that ships
set -eu
here=$(cd "$(dirname "$0")" && pwd)
fsfm=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
shift 2
if [ ! -d "$folder/node_modules/onnxruntime-node" ]; then
  cp "$here/package.json" "$here/package-lock.json" "$folder"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund > npm.log 2>&1) || { cat "$folder/npm.log"; exit 77; }
fi
node "$here/run.mjs" "$fsfm" "$folder" "$here/../golden" "${@:-$here/../../models/fsfm-detector.safetensors}"
