#!/usr/bin/env bash
# Ours against the peer, alternately in one run: the machine's mood then hits both alike.
#   bench/compare.sh WHAT [ROUNDS [OPTIONS...]]
# OPTIONS go to both sides (for example `bench/compare.sh step 3 --model base`).
# Prints a table and, last, `ratio WHAT = X`: how many times faster ours is (geometric mean over the cases).
# Peers are Python or Node programs whose packages bench/setup.sh installs. FSFM names our program (default: the build
# folders), PYTHON the interpreter, PACKAGES the folder of npm packages, SECONDS_PER_CASE the time for each case and round.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
what=${1:?usage: bench/compare.sh WHAT [ROUNDS [OPTIONS...]]; fsfm bench --help lists them}
rounds=${2:-5}
extra=("${@:3}")
seconds=${SECONDS_PER_CASE:-0.3}
python=${PYTHON:-/usr/bin/python3}
fsfm=${FSFM:-}
for candidate in "$here/../build/release/fsfm" "$here/../build/core/fsfm"; do
  [[ -z $fsfm && -x $candidate ]] && fsfm=$candidate
done
[[ -n $fsfm ]] || { echo "compare.sh: no program found; build it or set FSFM" >&2; exit 2; }
export FSFM=$fsfm PACKAGES=${PACKAGES:-$here/../build/peers}
peer=("$python" "$here/peers/$what.py")
[[ -f $here/peers/$what.mjs ]] && peer=(node "$here/peers/$what.mjs")
[[ -f ${peer[1]} ]] || { echo "compare.sh: no peer for '$what' in bench/peers/" >&2; exit 2; }

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
for ((round = 0; round < rounds; ++round)); do
  "$fsfm" bench "$what" --json --seconds "$seconds" "${extra[@]}" > "$results/ours.$round"
  "${peer[@]}" --seconds "$seconds" "${extra[@]}" > "$results/peer.$round"
done
"$python" "$here/ratio.py" "$what" "$results"
