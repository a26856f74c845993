#!/bin/sh
# OUT/faces: the real faces of the training sides, parsed, for pretraining. OUT/replay: Replay-Attack as real and fake.
# Usage: study/faces.sh FSFM DATA OUT
set -eu
fsfm=$1 data=$(cd "$2" && pwd) out=$3
mkdir -p "$out/pictures/train/real" "$out/replay"
out=$(cd "$out" && pwd)

# take NAME FOLDER [EVERY]: links of every EVERY-th picture (default 1; -n: all but those), NAME before theirs.
take() {
  (cd "$data/$2" && find . -maxdepth 1 -type f) | LC_ALL=C sort | awk -v every="${3:-1}" 'every > 0 ? NR % every == 0 : NR % -every != 0' |
    awk -v from="$data/$2/" -v to="$out/pictures/train/real/$1-" '{ sub("^[.]/", ""); printf "%s%s\n%s%s\n", from, $0, to, $0 }' |
    tr '\n' '\0' | xargs -0 -r -n 2 ln -sf
}
take dfdc deepfake/dfdc/train/real
take ffpp deepfake/ffpp/train/real
take synthetic deepfake/synthetic/real -5
take replay spoof/replay_attack/train/live
take nuaa spoof/nuaa/train/live
take utkface faces/utkface 3
take ytf faces/ytf
take celebamask parsing/celebamask/train/images
"$fsfm" prepare folder "$out/pictures" --no-detect --quiet --out "$out/faces"

# Clients of the development set are the test: the test set proper is not everywhere at hand.
for split in train devel; do
  side=$split
  [ $split = devel ] && side=test
  mkdir -p "$out/replay/$side/fake"
  ln -sfn "$data/spoof/replay_attack/$split/live" "$out/replay/$side/real"
  for kind in print mobile highdef; do ln -sfn "$data/spoof/replay_attack/$split/$kind" "$out/replay/$side/fake/$kind"; done
done
