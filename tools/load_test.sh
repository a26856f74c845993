#!/bin/sh
# load_test.sh FSFM PICTURE [REQUESTS]: tools/load_test.mjs against a server of its own, and the throughput of fsfm detect over as
# many copies of the picture. Judge ratios: the machine may be shared.
set -eu
fsfm=$1 picture=$2 requests=${3:-400}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
FSFM_SERVE_STATE="$work/state" "$fsfm" serve --port 0 --queue 32 >"$work/address" 2>"$work/log" &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
until grep -q http "$work/address"; do kill -0 $server; sleep 0.2; done
node "$here/load_test.mjs" "$(sed 's/^fsfm serve: //' "$work/address")" "$picture" "$requests" $server
mkdir "$work/copies"
for i in $(seq 100); do cp "$picture" "$work/copies/$i.${picture##*.}"; done
kill $server
wait $server || true
start=$(date +%s.%N)
"$fsfm" detect "$work/copies" --json >"$work/verdicts"
echo "fsfm detect: $(echo "100 / ($(date +%s.%N) - $start)" | bc -l | cut -c1-5) pictures a second, its start included"
