# tap.sh: what the shell programs share: printed lines, and statements for the values of types.tsv.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check FEATURE FUNCTION: runs the function and prints whether it worked.
check() {
  local status
  ( set -eu -o pipefail; "$2" ) 2>"$work/why" # not as a condition: in one, set -e does nothing
  status=$?
  if [ $status = 0 ]; then
    printf 'ok %s\n' "$1"
  else
    printf 'not ok %s: %s\n' "$1" "$(grep -v -i 'using a password' "$work/why" | tr -s '[:space:]' ' ' | cut -c1-400)"
  fi
  if [ "${STOP_AFTER:-}" = "$1" ]; then exit 0; fi
}

# out FEATURE: prints its input as what must be the same on both sides.
out() { sed "s/^/out $1 /"; }

same() {
  if [ "$2" != "$3" ]; then
    printf '%s is %s, not %s\n' "$1" "$2" "$3" >&2
    return 1
  fi
}

# values ROW: an INSERT of row 1 or 2 of types.tsv with id ROW.
values() {
  awk -F'\t' -v row="$1" '
    function hex(s) { return "x\047" s "\047" }
    { v = $(row + 2); names = names ", " $1
      if ($2 == "bytes") v = hex(v)
      else if ($2 !~ /^(int|year|bit|decimal|float)$/) { gsub(/\\/, "\\\\", v); gsub(/\047/, "\047\047", v); v = "\047" v "\047" }
      list = list ", " v }
    END { print "INSERT INTO types (id" names ") VALUES (" row list ");" }' types.tsv
}
