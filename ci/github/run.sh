#!/usr/bin/env bash
# Runs flowform for one of the action's commands. Everything that a pull request controls comes in by the environment.
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=ci/github/lib.sh
source "$here/lib.sh"
# shellcheck source=ci/github/github.sh
source "$here/github.sh"

# The lines of an input that say something.
lines() {
    sed 's/^[[:space:]]*//; s/[[:space:]]*$//; /^$/d' <<<"$1"
}

case "$COMMAND" in
plan | apply | drift) ;;
*) fail 3 "the input command is plan, apply or drift" ;;
esac
[[ "$NAME" =~ ^[A-Za-z0-9.-]{1,60}$ ]] ||
    fail 3 "the input name is 1 to 60 letters, digits, dots and hyphens"
mapfile -t paths < <(lines "${MANIFESTS:?}")
[ "${#paths[@]}" -gt 0 ] || fail 3 "the input manifests names no file and no folder"
# The same for the plan that is reviewed and the one that is applied.
mapfile -t options < <(lines "${OPTIONS-}")
[ -z "$FAIL_ON" ] || options+=("--fail-on=$FAIL_ON")
[ -z "$MAX_DELETES" ] || options+=("--max-deletes=$MAX_DELETES")

folder="$RUNNER_TEMP/flowform-$NAME"
rm -rf -- "$folder"
mkdir -p -- "$folder"
log="$folder/log.txt"
page="$folder/page.md"
output folder "$folder"

# Plans: MORE OPTIONS. Leaves the code in $code, the plan's files in $folder, the fingerprint in $fingerprint.
make_plan() {
    code=0
    fenced planned "$@" || code=$?
    fingerprint="$(sed -n '1,3s/^  "fingerprint": "\([0-9a-f]\{64\}\)",$/\1/p' "$folder/plan.json" 2>/dev/null || true)"
    output exitcode "$code"
    output fingerprint "$fingerprint"
    case "$code" in
    0) output changes false ;;
    2 | 8) output changes true ;;
    esac
    if [ -n "$fingerprint" ]; then
        output plan true
    fi
    # Not fenced: these are commands, one for each change, which flowform writes and escapes.
    cat -- "$folder/annotations.txt"
}

planned() {
    local code=0
    "$FLOWFORM" plan --out "$folder/plan.json" --text "$folder/plan.txt" --markdown "$page" --html "$folder/plan.html" \
        --format github --detailed-exitcode "$@" "${options[@]}" -- "${paths[@]}" >"$folder/annotations.txt" || code=$?
    [ ! -e "$folder/plan.txt" ] || cat -- "$folder/plan.txt"
    return "$code"
}

# shellcheck source=/dev/null
source "$here/$COMMAND.sh"
