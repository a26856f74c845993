#!/bin/sh
# scale.sh FSFM PAINT_MEDIA WORK: the drivers of tools/scale give what one fsfm detect gives, and do nothing twice.
set -eu
fsfm=$1 paint=$2 work=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$work" && mkdir -p "$work" && cd "$work"
"$paint" media
mkdir many
for i in 1 2 3 4 5; do cp media/portrait.jpg "many/a picture $i.jpg"; done
echo broken >many/broken.jpg
find "$work/many" -type f | sort >list
export FSFM="$fsfm"
"$fsfm" detect many --jsonl >single.jsonl || [ $? = 2 ]
scores() { grep -o '"score":[0-9.]*' "$1" | sort; }
if command -v parallel >/dev/null; then
  "$here/tools/scale/parallel.sh" list by_parallel 2
  [ "$(scores single.jsonl)" = "$(scores by_parallel/verdicts.jsonl)" ] || { echo "parallel gives other verdicts"; exit 1; }
  [ "$(grep -c '"error"' by_parallel/verdicts.jsonl)" = 1 ]
fi
for task in 0 1; do
  SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=0 "$here/tools/scale/slurm_array.sh" list by_slurm
done
"$here/tools/scale/merge.sh" by_slurm
[ "$(scores single.jsonl)" = "$(scores by_slurm/verdicts.jsonl)" ] || { echo "the array gives other verdicts"; exit 1; }
echo "drivers: the verdicts of one run"
