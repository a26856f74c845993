#!/bin/sh
# The exported detector in ONNX Runtime (npm, fetched into FOLDER once): 77 = no npm registry to fetch it from.
# Usage: tests/onnx/run.sh FSFM_ONNX_CASE FOLDER
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
folder=$(cd "$2" && pwd)
if [ ! -d "$folder/node_modules/onnxruntime-node" ]; then
  cp "$here/package.json" "$here/package-lock.json" "$folder"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund > npm.log 2>&1) || { cat "$folder/npm.log"; exit 77; }
fi
node "$here/run.mjs" "$folder" $("$1" "$folder")
