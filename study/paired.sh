#!/bin/sh
# Two starts beside each other on the same faces, seed by seed: DeLong's paired test. A line of JSON for each seed.
# Usage: study/paired.sh FSFM OUT TASK TEST=FOLDER START OTHER
set -eu
fsfm=$1 out=$2 task=$3 test=$4 start=$5 other=$6
for model in "$out/fine/$task/$start"/*.safetensors; do
  seed=$(basename "$model" .safetensors)
  "$fsfm" evaluate --model "$model" --compare "$out/fine/$task/$other/$seed.safetensors" --data "${test#*=}" --json --quiet |
    jq -c --arg task "$task" --arg test "${test%%=*}" --arg start "$start" --arg other "$other" --arg seed "$seed" \
      '.comparisons[0] | {task: $task, test: $test, start: $start, other: $other, seed: ($seed | tonumber), difference, low, high, p}'
done
