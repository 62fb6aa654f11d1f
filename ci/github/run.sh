#!/usr/bin/env bash
# Runs flowform for one of the action's commands. Everything that a pull request controls comes in by the environment.
# shellcheck disable=SC2153 # action.yml sets the names in capitals
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=ci/github/lib.sh
source "$here/lib.sh"
# shellcheck source=ci/github/github.sh
source "$here/github.sh"
# shellcheck source=ci/options.sh
source "$here/../options.sh"

case "$COMMAND" in
plan | apply | drift) ;;
*) fail 3 "the input command is plan, apply or drift" ;;
esac
[[ "$NAME" =~ ^[A-Za-z0-9.-]{1,60}$ ]] ||
    fail 3 "the input name is 1 to 60 letters, digits, dots and hyphens"
[[ "$COMMENT" =~ ^(true|false)$ ]] || fail 3 "the input comment is true or false"
[[ "$ISSUE" =~ ^(true|false)$ ]] || fail 3 "the input issue is true or false"
EXPECT="$(lines "$EXPECT")"
read_paths "the input manifests" "$MANIFESTS"
# The same for each command, as far as it knows them: what is reviewed is what is checked and applied.
given=()
read_vars "the input vars" "$VARS"
read_options "the input options" "$OPTIONS"
FAIL_ON="${FAIL_ON//[[:space:]]/}" MAX_DELETES="${MAX_DELETES//[[:space:]]/}"
[ -z "$FAIL_ON" ] || given+=("--fail-on=$FAIL_ON")
[ -z "$MAX_DELETES" ] || given+=("--max-deletes=$MAX_DELETES")

folder="$RUNNER_TEMP/flowform-$NAME"
rm -rf -- "$folder"
mkdir -p -- "$folder"
log="$folder/log.txt"
page="$folder/page.md"
output folder "$folder"

# Plans. Leaves the code in $code, the plan's files in $folder, the fingerprint in $fingerprint.
make_plan() {
    code=0
    options_for plan
    fenced planned || code=$?
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
        --format github --detailed-exitcode "${options[@]}" -- "${paths[@]}" >"$folder/annotations.txt" || code=$?
    [ ! -e "$folder/plan.txt" ] || cat -- "$folder/plan.txt"
    return "$code"
}

# shellcheck source=/dev/null
source "$here/$COMMAND.sh"
