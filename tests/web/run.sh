#!/bin/sh
# run.sh FSFM PAINT_MEDIA CHROMIUM WORK_FOLDER: the page in a real browser, against a server of its own. Leaves screenshots in
# WORK_FOLDER/shots. Exit code 77 (skipped) where npm cannot fetch its two packages.
set -eu
fsfm=$1 paint=$2 chromium=$3 work=$4
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work/shots"
cp "$here/package.json" "$here/page.mjs" "$work/"
cd "$work"
[ -d node_modules/playwright-core ] || npm install --no-audit --no-fund --loglevel=error || exit 77
"$paint" media
rm -rf state address
FSFM_SERVE_STATE="$work/state" "$fsfm" serve --port 0 --workers 2 >address 2>log &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  grep -q http address 2>/dev/null && break
  kill -0 $server 2>/dev/null || { cat log; exit 1; }
  sleep 0.2
done
node page.mjs "$(sed 's/^fsfm serve: //' address)" "$chromium"
