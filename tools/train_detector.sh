#!/bin/sh
# Makes models/fsfm-detector.safetensors from its data: sources laid out by class, attacks made from real faces, one training.
# Goes on where it was stopped. The data are research sets that do not come with the project; docs/detector.md says where from.
# Usage: tools/train_detector.sh build/release/fsfm DATA START OUT
#   DATA   faces/{utkface,allage,ytf} deepfake/{dfdc,ffpp,synthetic} spoof/{replay_attack,nuaa} parsing/celebamask
#   START  weights to start from (a timm or fsfm ViT-tiny)
set -eu
fsfm=$1 data=$(cd "$2" && pwd) start=$3 out=$4
recipe=$(cd "$(dirname "$0")/.." && pwd)/recipes/detector.toml
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

# Whole people, clips and generators go to one side where the names tell them; one in ten, or in six, is held out.
if [ ! -e "$sources/.done" ]; then
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
    to=$split
    [ $split = devel ] && to=val
    take replay $to real spoof/replay_attack/$split/live
    for kind in print mobile highdef; do take replay $to spoof/$kind spoof/replay_attack/$split/$kind; done
  done
  take nuaa train real spoof/nuaa/train/live
  take nuaa train spoof spoof/nuaa/train/print
  take utkface train real faces/utkface -3
  take ytf train real faces/ytf
  take celebamask train real parsing/celebamask/train/images
  take allage val real faces/allage 3
  touch "$sources/.done"
fi

# Attacks made of real faces, with a real twin that went through the same hands.
if [ ! -e "$out/made.done" ]; then
  rm -rf "$out/pool" "$out/faces" "$out/self" "$out/screen" "$sources/self_blended" "$sources/filmed"
  mkdir -p "$out/pool"
  for name in dfdc ffpp synthetic utkface ytf celebamask; do
    mkdir "$out/pool/$name"
    find "$sources/$name/train/real" -type l | LC_ALL=C sort | awk 'NR % 4 == 2' | head -n 500 | tr '\n' '\0' |
      xargs -0 -r cp -P -t "$out/pool/$name"
  done
  "$fsfm" prepare folder "$out/pool" --no-detect --out "$out/faces"
  "$fsfm" blend "$out/faces" --kind self --val-every 12 --out "$out/self"
  "$fsfm" blend "$out/faces" --kind screen --val-every 12 --seed 1 --out "$out/screen"
  for split in train val; do
    mkdir -p "$sources/self_blended/$split" "$sources/filmed/$split"
    mv "$out/self/$split/real" "$sources/self_blended/$split/real"
    mv "$out/self/$split/fake" "$sources/self_blended/$split/deepfake"
    mv "$out/screen/$split/real" "$sources/filmed/$split/real"
    mv "$out/screen/$split/replay" "$sources/filmed/$split/spoof"
  done
  touch "$out/made.done"
fi

"$fsfm" finetune --recipe "$recipe" --init "$start" --data "$sources"/*/ --out "$out/fsfm-detector.safetensors" --resume
