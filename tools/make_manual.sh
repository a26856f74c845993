#!/bin/sh
# Manual pages from what the program says of itself: OUT/fsfm.1 and a page a command. Commands that this build does not have
# get none. Usage: tools/make_manual.sh FSFM OUT
set -eu
fsfm=$1 out=$2
rm -rf "$out"
mkdir -p "$out"
version=$("$fsfm" --version | cut -d ' ' -f 2)
# page NAME SUMMARY < text: the text stands as it is, in its own line breaks.
page() {
  printf '.TH %s 1 "" "fsfm %s" "fsfm"\n.SH NAME\n%s \\- %s\n.SH USE\n.nf\n' "$(echo "$1" | tr a-z A-Z)" "$version" "$1" "$2"
  sed 's/\\/\\e/g; s/-/\\-/g; s/^[.'"'"']/\\\&&/'
  printf '.fi\n.SH SEE ALSO\n.BR fsfm (1)\n'
} 
"$fsfm" --help | page fsfm "learn from real faces, then tell real from forged" > "$out/fsfm.1"
"$fsfm" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\)  *\(.*\)/\1 \2/p' | while read -r command summary; do
  if "$fsfm" "$command" --help > "$out/help" 2>/dev/null; then
    page "fsfm-$command" "$summary" < "$out/help" > "$out/fsfm-$command.1"
  fi
done
rm -f "$out/help"
