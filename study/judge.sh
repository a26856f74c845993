#!/bin/sh
# Judges a detector on test sets and writes a line of JSON for each: what it is, its figures, what made it.
# Usage: study/judge.sh FSFM MODEL CELL.json NAME=FOLDER...      CELL's path ends in TASK/START/SEED.json
# seconds: of fine-tuning, by the median rate of its log (the machine may have been busy); hter: at the threshold that the
# validation part of the training data gave.
set -eu
fsfm=$1 model=$2 cell=$3
shift 3
mkdir -p "$(dirname "$cell")"
seed=$(basename "$cell" .json)
start=$(basename "$(dirname "$cell")")
task=$(basename "$(dirname "$(dirname "$cell")")")
log=${model%.safetensors}.run/log.jsonl
run=$(jq -sc '[.[] | select(.kind == "train")] | {steps: last.step, rate: (map(.faces_per_second) | sort | .[length / 2 | floor])}' "$log")
for test in "$@"; do
  "$fsfm" evaluate --model "$model" --data "${test#*=}" --json --quiet |
    jq -c --arg task "$task" --arg start "$start" --arg seed "$seed" --arg test "${test%%=*}" --argjson run "$run" \
      --arg commit "$(git rev-parse --short HEAD)" \
      '{task: $task, start: $start, seed: ($seed | tonumber), test: $test, auc: .results[0].frame.auc.value, low: .results[0].frame.auc.low,
        high: .results[0].frame.auc.high, hter: .results[0].frame.acer.value, steps: $run.steps, seconds: ($run.steps * 32 / $run.rate | round),
        commit: $commit}'
done > "$cell.part"
mv "$cell.part" "$cell"
