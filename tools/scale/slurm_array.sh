#!/bin/sh
# sbatch --array=0-999 slurm_array.sh LIST OUT: each task judges every 1000th file of LIST. A task that failed is submitted again by
# its number; tools/scale/merge.sh OUT puts the parts together.
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=04:00:00
set -eu
list=$1 out=$2
FSFM=${FSFM:-fsfm}
mkdir -p "$out/parts"
part="$out/parts/$SLURM_ARRAY_TASK_ID"
[ -e "$part.jsonl" ] && exit 0
code=0
awk -v n="$SLURM_ARRAY_TASK_COUNT" -v i="$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN))" 'NR % n == i { printf "%s%c", $0, 0 }' "$list" |
  xargs -0 -n 500 "$FSFM" detect --jsonl --threads "${SLURM_CPUS_PER_TASK:-1}" >"$part.tmp" || code=$?
# xargs says 123 where a run ended with 2: files that could not be read, named in their lines.
[ $code = 0 ] || [ $code = 123 ] || exit $code
mv "$part.tmp" "$part.jsonl"
