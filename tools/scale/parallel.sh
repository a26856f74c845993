#!/bin/sh
# parallel.sh LIST OUT [JOBS] [FSFM_OPTIONS...]: judges the files named in LIST (one a line) with GNU parallel, 200 a process. What is
# done stays done: the same command again does only what is missing. OUT/verdicts.jsonl is the merged result.
set -eu
list=$1 out=$2 jobs=${3:-$(nproc)}
[ $# -ge 3 ] && shift 3 || shift 2
FSFM=${FSFM:-fsfm}
mkdir -p "$out/parts"
# Names are handed over by the shell-safe {}; a part appears under its name only when it is whole (fsfm's exit code 2 means that
# some files could not be read: their lines say why, so the part is whole).
export FSFM out FSFM_OPTIONS="$*"
parallel --jobs "$jobs" -N 200 --joblog "$out/joblog" --resume-failed \
  '"$FSFM" detect {} --jsonl --threads 1 $FSFM_OPTIONS >"$out/parts/{#}.tmp"; code=$?;
   [ $code = 0 ] || [ $code = 2 ] || exit $code; mv "$out/parts/{#}.tmp" "$out/parts/{#}.jsonl"' <"$list"
exec "$(dirname "$0")/merge.sh" "$out"
