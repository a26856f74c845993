#!/bin/sh
# merge.sh OUT: OUT/parts/*.jsonl -> OUT/verdicts.jsonl, the header once. Refuses parts that different models made.
set -eu
out=$1
find "$out/parts" -name '*.jsonl' -exec grep -h '"schema"' {} + | sort -u >"$out/headers"
[ "$(wc -l <"$out/headers")" -eq 1 ] || { echo "merge: the parts in $out/parts were made by different models, or there are none" >&2; exit 2; }
{ cat "$out/headers"; find "$out/parts" -name '*.jsonl' -print0 | sort -zV | xargs -0 grep -hv '"schema"'; } >"$out/verdicts.tmp"
rm "$out/headers"
mv "$out/verdicts.tmp" "$out/verdicts.jsonl"
echo "$(($(wc -l <"$out/verdicts.jsonl") - 1)) files in $out/verdicts.jsonl"
