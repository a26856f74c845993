#!/bin/sh
# A flag that README.md or docs/ name and `fsfm COMMAND --help` does not know is a bug: prints every one and exits 1.
# Usage: check_doc_flags.sh FSFM. Read are: `fsfm COMMAND ...` in code (all flags of that command) and `--flag` at the
# start of inline code (some command must know it). Columns headed "there" or "their code" name another program's flags.
set -eu
fsfm=$1
cd "$(dirname "$0")/.."
known=$(mktemp)
trap 'rm -f "$known"' EXIT
for command in $("$fsfm" --help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'); do
  "$fsfm" "$command" --help | grep -oE -- '--[a-z][a-z0-9-]*' | sed "s/^/$command /"
done >"$known"
"$fsfm" evaluate --parser shipped --help | grep -oE -- '--[a-z][a-z0-9-]*' | sed 's/^/evaluate /' >>"$known"
"$fsfm" bench explain --help | grep -oE -- '--[a-z][a-z0-9-]*' | sed 's/^/bench /' >>"$known"
"$fsfm" serve token --help | grep -oE -- '--[a-z][a-z0-9-]*' | sed 's/^/serve /' >>"$known"
for flag in --help --version; do echo "fsfm $flag"; done >>"$known"

awk -v known="$known" '
  BEGIN {
    while ((getline line < known) > 0) {
      split(line, word, " ")
      is_command[word[1]] = 1
      knows[word[1] " " word[2]] = 1
      some_knows[word[2]] = 1
    }
  }
  function complain(flag, command) {
    print FILENAME ":" FNR ": " (command == "" ? "no command of fsfm knows " : "fsfm " command " does not know ") flag
    bad = 1
  }
  function check_command(code,    pieces, n, i, words, count, w, command, flag) {
    n = split(code, pieces, /fsfm /)
    for (i = 2; i <= n; ++i) {
      sub(/(&&|\||;|#| > ).*/, "", pieces[i])
      count = split(pieces[i], words, /[ \t]+/)
      command = words[1]
      if (!(command in is_command)) continue
      for (w = 2; w <= count; ++w) {
        flag = words[w]
        if (flag !~ /^\[?--[a-z]/) continue
        gsub(/[^a-z0-9-].*$/, "", flag)
        if (!((command " " flag) in knows)) complain(flag, command)
      }
    }
  }
  function check_inline(code,    flag, list, n, i) {
    if (code ~ /fsfm [a-z]/) { check_command(code); return }
    if (code !~ /^--[a-z]/) return
    n = split(code, list, /[ ,]+/)
    for (i = 1; i <= n; ++i) {
      flag = list[i]
      if (flag !~ /^--[a-z]/) continue
      gsub(/[^a-z0-9-].*$/, "", flag)
      if (!(flag in some_knows)) complain(flag, "")
    }
  }
  FNR == 1 { in_block = 0; foreign = 0; held = "" }
  /^ *```/ { in_block = !in_block; held = ""; next }
  in_block {
    line = held $0
    if (sub(/\\$/, " ", line)) { held = line; next }
    held = ""
    check_command(line)
    next
  }
  /^    / { check_command($0); next }
  !/^\|/ { foreign = 0 }
  {
    line = $0
    if (line ~ /^\| *(there|their code) *\|/) foreign = 1
    if (foreign) sub(/^\|[^|]*\|/, "|", line)
    n = split(line, part, "`")
    for (i = 2; i <= n; i += 2) check_inline(part[i])
  }
  END { exit bad }
' README.md docs/*.md
