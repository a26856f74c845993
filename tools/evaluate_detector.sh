#!/bin/bash
# The figures of a detector's card, remade: test folders, false alarms on real faces by group, and how it fares when faces arrive
# compressed, small or blurred. Prints the card's tables (models/README.md). Some ten minutes on two cores.
# Usage: tools/evaluate_detector.sh build/release/fsfm DATA MODEL OUT
#   DATA   deepfake/{dfdc,ffpp,synthetic} spoof/{replay_attack,nuaa} faces/{lfw,utkface}, laid out as for tools/train_detector.sh
set -euo pipefail
fsfm=$1 data=$(cd "$2" && pwd) model=$3 out=$4
mkdir -p "$out/sets"
sets=$(cd "$out" && pwd)/sets

# links SET CLASS FOLDER [EVERY]: as `take` in train_detector.sh.
links() {
  mkdir -p "$sets/$1/$2"
  find "$data/$3" -maxdepth 1 -type f | LC_ALL=C sort | awk -v every="${4:-1}" 'every > 0 ? NR % every == 0 : NR % -every != 0' |
    tr '\n' '\0' | xargs -0 -r ln -sf -t "$sets/$1/$2"
}
links synthetic real deepfake/synthetic/real 5
for kind in gan diffusion t2i; do links synthetic "fake_$kind" "deepfake/synthetic/fake_$kind" 5; done
links utkface real faces/utkface -3  # every third was learned from
[ -e "$sets/lfw/manifest.json" ] || {
  mkdir -p "$sets/lfw_photos/real"
  find "$data/faces/lfw" -maxdepth 1 -type f -print0 | xargs -0 -r ln -sf -t "$sets/lfw_photos/real"
  "$fsfm" prepare folder "$sets/lfw_photos" --parser none --quiet --out "$sets/lfw" > /dev/null
}

card=$("$fsfm" info --json "$model")
number() { printf '%s' "$card" | tr -d '\n ' | sed -n "s/.*\"$1\":\([-0-9.e]*\).*/\1/p"; }
threshold=$(number threshold)
low=$(printf '%s' "$card" | tr -d '\n ' | sed -n 's/.*"abstain":\[\([-0-9.e]*\),.*/\1/p')

# shares CSV ATTACK: "attack / inconclusive / real" in percent of the faces with that label, and their number.
shares() {
  awk -F, -v label="$2" -v high="$threshold" -v low="${low:-$threshold}" 'NR > 1 && $5 == label {
      n++; if ($6 >= high) attack++; else if ($6 > low) doubt++ }
    END { if (n) printf "%.1f / %.1f / %.1f %%", 100 * attack / n, 100 * doubt / n, 100 * (n - attack - doubt) / n; else printf "–" }' "$1"
}
echo "| faces | number | AUC [95 %] | attacks called attack / inconclusive / real | real faces called attack / inconclusive / real |"
echo "|---|---|---|---|---|"
row() {  # NAME FOLDER
  "$fsfm" evaluate --model "$model" --data "$2" --out "$out/$1" --quiet > "$out/$1.txt" 2>&1
  csv=$out/$1/scores.csv
  auc=$(awk '$1 == "AUC" { print $2, $3, $4; exit }' "$out/$1.txt")
  echo "| $1 | $(($(wc -l < "$csv") - 1)) | $auc | $(shares "$csv" 1) | $(shares "$csv" 0) |"
}
row dfdc "$data/deepfake/dfdc/test"
row ffpp "$data/deepfake/ffpp/test"
row nuaa "$data/spoof/nuaa/test"
row replay "$data/spoof/replay_attack/devel"
row synthetic "$sets/synthetic"
row lfw "$sets/lfw"

echo
echo "NUAA at the threshold of Replay-Attack's development set:"
"$fsfm" evaluate --model "$model" --data "$data/spoof/nuaa/test" --dev "$data/spoof/replay_attack/devel" --quiet 2>&1 |
  grep -m 1 HTER

echo
echo "False alarms and doubt by group, UTKFace faces that were not learned from:"
"$fsfm" evaluate --model "$model" --data "$sets/utkface" --out "$out/utkface" --resamples 100 --quiet > "$out/utkface.txt" 2>&1
awk -F, -v high="$threshold" -v low="${low:-$threshold}" '
  NR > 1 { split($2, path, "/"); split(path[length(path)], part, "_")
    if (part[1] !~ /^[0-9]+$/ || part[2] !~ /^[01]$/ || part[3] !~ /^[0-4]$/) next
    age = part[1] < 13 ? "age 0-12" : part[1] < 20 ? "age 13-19" : part[1] < 60 ? "age 20-59" : "age 60 and above"
    split("white black Asian Indian other", races, " ")
    split(age "|" (part[2] == 0 ? "men" : "women") "|" races[part[3] + 1], groups, "|")
    for (i in groups) { n[groups[i]]++; attack[groups[i]] += $6 >= high; doubt[groups[i]] += $6 < high && $6 > low } }
  END { print "| group | faces | called attack | inconclusive |"; print "|---|---|---|---|"
    for (g in n) printf "| %s | %d | %.1f %% | %.1f %% |\n", g, n[g], 100 * attack[g] / n[g], 100 * doubt[g] / n[g] | "sort"
    close("sort") }' "$out/utkface/scores.csv"

echo
echo "AUC when faces arrive degraded (100 faces a set):"
for set in "$data/deepfake/dfdc/test" "$data/spoof/replay_attack/devel" "$sets/synthetic"; do
  "$fsfm" evaluate --model "$model" --data "$set" --robust --robust-samples 100 --resamples 100 --quiet 2>&1 | sed -n '/AUC of degraded/,/moire/p' | sed "1s|^|$(basename "$(dirname "$set")"): |"
done
