#!/bin/sh
# Verdicts first, then the whole way of the data on real faces, in at most five minutes: prepare, mask, pretrain, transfer, report.
# Usage: tools/demo.sh build/release/fsfm [OUT]        leaves OUT/report.html (OUT = demo)
set -eu
cd "$(dirname "$0")/.."
fsfm=$1
out=${2:-demo}
assets=third_party/assets
rm -rf "$out"
mkdir -p "$out"

step() { printf '\n== %s\n' "$1"; }

step "1/6 Verdicts: the detector that comes with fsfm judges six photographs and three videos"
"$fsfm" detect "$assets"/photos/*.jpg "$assets"/videos/*.mp4 --jsonl --out "$out/verdicts" >"$out/verdicts.jsonl"
"$fsfm" detect "$assets"/photos/*.jpg

step "2/6 Faces: find, crop and parse every face of six photographs and three videos"
"$fsfm" prepare folder "$assets" --out "$out/faces" --faces all --frames 60

step "3/6 Masks: five ways to hide a face"
"$fsfm" masks "$assets/photos/sample1.jpg" --out "$out/masks.png"

step "4/6 Pretraining: learn what real faces look like, from the visible quarter"
"$fsfm" pretrain --recipe recipes/demo_pretrain.toml --data "$out/faces" --out "$out/pretrained.safetensors"

step "5/6 Transfer: a detector of replay attacks from real faces alone; the attacks are the faces filmed off a screen"
"$fsfm" blend "$out/faces" --kind screen --per-video 90 --out "$out/replays"
"$fsfm" finetune --recipe recipes/demo_finetune.toml --init "$out/pretrained.safetensors" --data "$out/replays" \
  --out "$out/detector.safetensors"
"$fsfm" evaluate --model "$out/detector.safetensors" --data "$out/replays" --split val --out "$out/evaluation"

step "6/6 Report"
"$fsfm" report "$out" --out "$out/report.html" --title "FSFM on real faces"
