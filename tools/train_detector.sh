#!/bin/sh
# Makes models/fsfm-detector.safetensors from its data: sources laid out by class, attacks made from real faces, a training, a second
# one with the looks of real photographs, a third with prints and camera processing, the mean of the two in half precision, threshold.
# Goes on where it was stopped. The data are research sets that do not come with the project; models/README.md names them.
# One H200 and 16 cores needed 80 s for the pairs and 5 min 17 s for the training. Without a GPU add
# --device cpu --precision fp32 --batch-size 32 --lr 5e-4 --max-steps 1400: hours on two cores, and a weaker detector.
# Usage: tools/train_detector.sh build/release/fsfm DATA START OUT [options of fsfm finetune, before the recipe's...]
#   DATA   faces/{utkface,allage,ytf} deepfake/{dfdc,ffpp,synthetic} spoof/{replay_attack,nuaa} parsing/celebamask
#   START  weights to start from (a timm or fsfm ViT-tiny)
set -eu
fsfm=$1 data=$2 start=$3 out=$4
shift 4
recipes=$(cd "$(dirname "$0")/.." && pwd)/recipes
mkdir -p "$out"
sources=$out/sources

# take SOURCE SPLIT CLASS FOLDER [EVERY]: links of the pictures of a folder into sources/SOURCE/SPLIT/CLASS, which may be a
# path below its class. EVERY n: every n-th only; EVERY -n: all but those.
take() {
  to=$sources/$1/$2/$3
  mkdir -p "$to"
  find "$data/$4" -maxdepth 1 -type f | LC_ALL=C sort |
    awk -v every="${5:-1}" 'every > 0 ? NR % every == 0 : NR % -every != 0' | tr '\n' '\0' | xargs -0 -r ln -sf -t "$to"
}

# Whole people, clips and generators go to one side where the names tell them. Test folders are left alone.
if [ ! -e "$sources/.done" ]; then
  data=$(cd "$data" && pwd)
  take dfdc train real deepfake/dfdc/train/real -12
  take dfdc train deepfake deepfake/dfdc/train/fake -12
  take dfdc val real deepfake/dfdc/train/real 12
  take dfdc val deepfake deepfake/dfdc/train/fake 12
  take ffpp train real deepfake/ffpp/train/real
  take ffpp train deepfake deepfake/ffpp/train/fake
  take ffpp val real deepfake/ffpp/val/real
  take ffpp val deepfake deepfake/ffpp/val/fake
  take synthetic train real deepfake/synthetic/real -5
  take synthetic val real deepfake/synthetic/real 5
  for kind in gan diffusion t2i; do
    take synthetic train synthetic/$kind deepfake/synthetic/fake_$kind -5
    take synthetic val synthetic/$kind deepfake/synthetic/fake_$kind 5
  done
  for split in train devel; do
    side=$split
    [ $split = devel ] && side=val
    take replay $side real spoof/replay_attack/$split/live
    for kind in print mobile highdef; do take replay $side spoof/$kind spoof/replay_attack/$split/$kind; done
  done
  take nuaa train real spoof/nuaa/train/live
  take nuaa train spoof spoof/nuaa/train/print
  take utkface train real faces/utkface 3
  take ytf train real faces/ytf
  take celebamask train real parsing/celebamask/train/images 2
  take allage val real faces/allage 3
  touch "$sources/.done"
fi

# Attacks made of the real faces of every source, with a real twin that went through the same hands. Sixteen parts, so that the
# pairs are the same however many cores make them. The prints came later: only the third training sees them.
if [ ! -e "$out/made.done" ]; then
  rm -rf "$out/parts" "$sources/self_blended" "$sources/filmed" "$out/printed"
  # part SPLIT FIRST COUNT: the split's real faces, dealt out to parts FIRST, FIRST + 1, ...; of DFDC's every second. The part
  # in the name keeps the pairs of two parts apart.
  part() {
    for nth in $(seq "$2" $(($2 + $3 - 1))); do mkdir -p "$out/parts/$nth/faces"; done
    for folder in "$sources"/*/"$1"/real; do
      name=$(basename "$(dirname "$(dirname "$folder")")")
      every=1
      [ "$name/$1" = dfdc/train ] && every=2
      (cd "$folder" && find . ! -type d) | LC_ALL=C sort | awk -v every=$every 'NR % every == 0' |
        awk -v name="$name" -v folder="$folder" -v out="$out/parts" -v first="$2" -v count="$3" \
          '{ sub("^[.]/", ""); nth = first + NR % count
                printf "%s/%s\n%s/%d/faces/%s%d-%s\n", folder, $0, out, nth, name, nth, $0 }'
    done | tr '\n' '\0' | xargs -0 -r -n 2 cp -P
  }
  part train 1 13
  part val 14 3
  cat > "$out/parts/make.sh" <<'MAKE'
set -eu
fsfm=$1 part=$2
"$fsfm" prepare folder "$part/faces" --no-detect --threads 1 --quiet --out "$part/prepared"
"$fsfm" blend "$part/prepared" --kind self --val-every 1000 --quiet --out "$part/self"
"$fsfm" blend "$part/prepared" --kind screen --val-every 1000 --seed 1 --quiet --out "$part/screen"
"$fsfm" blend "$part/prepared" --kind print --val-every 1000 --seed 2 --quiet --out "$part/print"
MAKE
  seq 1 16 | OMP_NUM_THREADS=1 xargs -P "$(getconf _NPROCESSORS_ONLN)" -I '{}' sh "$out/parts/make.sh" "$fsfm" "$out/parts/{}"
  for nth in $(seq 1 16); do
    split=train
    [ "$nth" -gt 13 ] && split=val
    for pair in self/real:self_blended/$split/real self/fake:self_blended/$split/deepfake \
      screen/real:filmed/$split/real screen/replay:filmed/$split/spoof \
      print/real:../printed/$split/real print/print:../printed/$split/spoof; do
      to=$sources/${pair#*:} from=${pair%%:*}
      mkdir -p "$to"
      find "$out/parts/$nth/${from%/*}" -path "*/${from#*/}/*" -name '*.png' -exec mv -t "$to" '{}' +
    done
  done
  rm -rf "$out/parts"
  touch "$out/made.done"
fi

"$fsfm" finetune --recipe "$recipes/detector.toml" --init "$start" --data "$sources"/*/ --out "$out/first.safetensors" --resume "$@"
"$fsfm" finetune --recipe "$recipes/detector_looks.toml" --init "$out/first.safetensors" --data "$sources"/*/ --out "$out/second.safetensors" --resume
"$fsfm" finetune --recipe "$recipes/detector_prints.toml" --init "$out/second.safetensors" --data "$sources"/*/ "$out/printed" --out "$out/third.safetensors" --resume
"$fsfm" convert "$out/third.safetensors" "$out/fsfm-detector.safetensors" --average "$out/second.safetensors" --dtype f16

# The threshold: half a percent of false alarms on faces that were not learned from, half of them with the looks above.
if [ ! -e "$out/held.done" ]; then
  python3 "$(dirname "$0")/held_out_faces.py" "$data" "$sources" "$out/held"
  touch "$out/held.done"
fi
"$fsfm" evaluate --model "$out/fsfm-detector.safetensors" --data "$out/held" --dev "$out/held" --max-bpcer 0.005 --write-threshold
