#!/bin/sh
# Completions for bash, zsh and fish from what the program says of itself: OUT/fsfm, OUT/_fsfm, OUT/fsfm.fish. Commands that this
# build does not have are completed by name alone. Usage: tools/make_completions.sh FSFM OUT
set -eu
fsfm=$1 out=$2
rm -rf "$out"
mkdir -p "$out"
commands=$("$fsfm" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\)  *\(.*\)/\1\t\2/p')
# flags COMMAND: a line an option: the flag, a tab, its words to choose from (or nothing), a tab, what it says.
flags() {
  { "$fsfm" "$1" --help 2>/dev/null || true; } | awk '
    function flush() { if (flag != "") printf "%s\t%s\t%s\n", flag, words, help; flag = "" }
    /^  -/ { flush()
      match($0, /--[a-z0-9.-]+/); flag = substr($0, RSTART, RLENGTH); words = ""
      if (match($0, /TEXT:[^ =]+/)) { words = substr($0, RSTART + 5, RLENGTH - 5); gsub(/\|/, " ", words) }
      help = $0; sub(/^  [^ ]+( [A-Z]+:in \[[^]]*\][^ ]*| [A-Z]+[^ ]*)?( \.\.\.)?( REQUIRED)? */, "", help); next }
    flag != "" && help == "" && /^     / { help = $0; sub(/^ +/, "", help) }
    /^$/ { flush() }
    END { flush() }'
}

{
  echo "# bash completion for fsfm"
  echo "_fsfm() {"
  echo "  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words="
  echo "  if [ \"\$COMP_CWORD\" -eq 1 ]; then"
  echo "    COMPREPLY=(\$(compgen -W \"$(echo "$commands" | cut -f 1 | tr '\n' ' ')--help --version\" -- \"\$current\")); return"
  echo "  fi"
  echo "  case \${COMP_WORDS[1]}:\$previous in"
  echo "$commands" | while read -r command rest; do
    flags "$command" | awk -F'\t' -v command="$command" '$2 != "" { printf "    %s:%s) words=\"%s\" ;;\n", command, $1, $2 }'
  done
  echo "  esac"
  echo "  if [ -n \"\$words\" ]; then COMPREPLY=(\$(compgen -W \"\$words\" -- \"\$current\")); return; fi"
  echo "  case \$current in -*) ;; *) COMPREPLY=(\$(compgen -f -- \"\$current\")); compopt -o filenames 2>/dev/null; return ;; esac"
  echo "  case \${COMP_WORDS[1]} in"
  echo "$commands" | while read -r command rest; do
    printf '    %s) words="%s" ;;\n' "$command" "$(flags "$command" | cut -f 1 | tr '\n' ' ')"
  done
  echo "  esac"
  echo "  COMPREPLY=(\$(compgen -W \"\$words\" -- \"\$current\"))"
  echo "}"
  echo "complete -F _fsfm fsfm"
} > "$out/fsfm"

{
  echo "#compdef fsfm"
  echo "# zsh completion for fsfm"
  echo "_fsfm() {"
  echo "  if (( CURRENT == 2 )); then"
  echo "    local -a commands=("
  echo "$commands" | awk -F'\t' '{ gsub(/[\x27:]/, " ", $2); printf "      \x27%s:%s\x27\n", $1, $2 }'
  echo "    )"
  echo "    _describe command commands; return"
  echo "  fi"
  echo "  case \$words[2] in"
  echo "$commands" | while read -r command rest; do
    echo "    $command) _arguments -S \\"
    flags "$command" | awk -F'\t' '{ gsub(/[][\x27:\\]/, " ", $3)
      printf "      \x27*%s[%s]%s\x27 \\\n", $1, $3, $2 == "" ? "" : ":value:(" $2 ")" }'
    echo "      '*:file:_files' ;;"
  done
  echo "  esac"
  echo "}"
  echo "_fsfm \"\$@\""
} > "$out/_fsfm"

{
  echo "# fish completion for fsfm"
  echo "$commands" | awk -F'\t' '{ gsub(/\x27/, " ", $2); printf "complete -c fsfm -n __fish_use_subcommand -f -a %s -d \x27%s\x27\n", $1, $2 }'
  echo "$commands" | while read -r command rest; do
    flags "$command" | awk -F'\t' -v command="$command" '{ gsub(/\x27/, " ", $3); sub(/^--/, "", $1)
      printf "complete -c fsfm -n \x27__fish_seen_subcommand_from %s\x27 -l %s%s -d \x27%s\x27\n", command, $1, $2 == "" ? "" : " -x -a \x27" $2 "\x27", $3 }'
  done
} > "$out/fsfm.fish"
