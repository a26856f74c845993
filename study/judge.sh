#!/bin/sh
# Judges a detector on test sets and writes a line of JSON for each: what it is, its figures, what made it.
# Usage: study/judge.sh FSFM MODEL CELL.json NAME=FOLDER...      CELL's path ends in TASK/START/SEED.json
set -eu
fsfm=$1 model=$2 cell=$3
shift 3
mkdir -p "$(dirname "$cell")"
seed=$(basename "$cell" .json)
start=$(basename "$(dirname "$cell")")
task=$(basename "$(dirname "$(dirname "$cell")")")
for test in "$@"; do
  "$fsfm" evaluate --model "$model" --data "${test#*=}" --json --quiet |
    jq -c --arg task "$task" --arg start "$start" --arg seed "$seed" --arg test "${test%%=*}" --arg commit "$(git rev-parse --short HEAD)" \
      --argjson card "$("$fsfm" info --json "$model" | jq '{steps: .training.steps, seconds: .training.seconds}')" \
      '{task: $task, start: $start, seed: ($seed | tonumber), test: $test, auc: .results[0].frame.auc.value, low: .results[0].frame.auc.low,
        high: .results[0].frame.auc.high, eer: .results[0].frame.eer.value, hter: .results[0].fas.hter, commit: $commit} + $card'
done > "$cell.part"
mv "$cell.part" "$cell"
