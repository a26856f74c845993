#!/bin/sh
# The tables of docs/study.md from study/cells.jsonl (CELLS=other.jsonl: from that): mean AUC over the seeds with its 95 % interval (Student's t over seeds).
# Usage: study/tables.sh TASK TEST...      e.g. study/tables.sh dfdc dfdc ffpp
set -eu
task=$1
shift
printf '| start |'; for test in "$@"; do printf ' %s |' "$test"; done; printf '\n|---|'; for test in "$@"; do printf -- '---|'; done; printf '\n'
jq -r --arg task "$task" 'select(.task == $task) | [.start, .test, .auc] | @tsv' "$(dirname "$0")/${CELLS:-cells.jsonl}" |
  awk -F'\t' -v tests="$*" '
    { key = $1 SUBSEP $2; n[key]++; sum[key] += $3; square[key] += $3 * $3; if (!seen[$1]++) order[++starts] = $1 }
    END { count = split(tests, test, " "); split("12.71 4.30 3.18 2.78 2.57 2.45 2.36 2.31 2.26", t, " ")
      for (i = 1; i <= starts; ++i) { line = "| " order[i] " |"
        for (j = 1; j <= count; ++j) { key = order[i] SUBSEP test[j]; if (!n[key]) { line = line " – |"; continue }
          mean = sum[key] / n[key]
          if (n[key] == 1) { line = line sprintf(" %.3f (one seed) |", mean); continue }
          deviation = square[key] / n[key] - mean * mean; if (deviation < 0) deviation = 0
          line = line sprintf(" %.3f ± %.3f |", mean, t[n[key] - 1] * sqrt(deviation / (n[key] - 1))) }
        print line } }'
