# shellcheck shell=bash disable=SC2034 # results are read by whoever sources this
# What flowform is told: manifests, variables and options, from texts of several lines; and which of its commands gets
# what. The same text stands in the template for GitLab (examples/ci/gitlab/.gitlab/flowform.yml): a test compares them.

# The lines of a text that say something, without blanks around them: TEXT.
lines() {
    sed 's/^[[:space:]]*//; s/[[:space:]]*$//; /^$/d' <<<"$1"
}

# The manifests, into $paths: one on each line, so that a path may hold blanks: WHERE TEXT.
read_paths() {
    mapfile -t paths < <(lines "$2")
    [ "${#paths[@]}" -gt 0 ] || fail 3 "$1 names no file and no folder"
}

# Variables, added to $given: NAME=VALUE on each line, or NAME<<END, lines, END: WHERE TEXT. A value is never shown.
read_vars() {
    local line name end value
    while IFS= read -r line; do
        line="${line%$'\r'}"
        if ! [[ "$line" =~ [^[:space:]] ]]; then
            continue
        elif [[ "$line" =~ ^[[:space:]]*([^=\<[:space:]]+)=(.*)$ ]]; then
            given+=("--var=${BASH_REMATCH[1]}=${BASH_REMATCH[2]}")
        elif [[ "$line" =~ ^[[:space:]]*([^=\<[:space:]]+)\<\<([^[:space:]]+)[[:space:]]*$ ]]; then
            name="${BASH_REMATCH[1]}" end="${BASH_REMATCH[2]}" value="" line=""
            while IFS= read -r line && [ "${line%$'\r'}" != "$end" ]; do
                value+="${line%$'\r'}"$'\n'
            done
            [ "${line%$'\r'}" = "$end" ] || fail 3 "$1 has no line that ends the value of a variable of several lines"
            given+=("--var=$name=${value%$'\n'}")
        else
            fail 3 "$1 takes one variable on each line, as NAME=VALUE"
        fi
    done <<<"$2"
}

# Options, added to $given: one on each line, as --name, --name=value or --name value: WHERE TEXT.
read_options() {
    local line name known
    known="$(knows validate; knows plan; knows apply)"
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        [[ "$line" =~ ^(--[a-z][a-z0-9-]*)((=|[[:space:]]+)(.*))?$ ]] ||
            fail 3 "$1 takes one option on each line, which begins with --"
        name="${BASH_REMATCH[1]}"
        case "$name" in
        --out | --format | --text | --markdown | --html | --gitlab | --junit | --detailed-exitcode | --destroy | \
            --refresh-only | --suggest | --expect | --auto-approve | --help)
            fail 3 "$1 does not take $name: it is set where it is needed, or changes what the command does"
            ;;
        esac
        grep -qxF -e "$name" <<<"$known" || fail 3 "$1 has $name, which flowform does not know"
        if [ -n "${BASH_REMATCH[2]}" ]; then
            given+=("$name=${BASH_REMATCH[4]}")
        else
            given+=("$name")
        fi
    done < <(lines "$2")
}

# The options that a command of flowform knows, as its help lists them: COMMAND.
knows() {
    "${FLOWFORM:-flowform}" "$1" --help | sed -n 's/^ \{2,6\}\(-[A-Za-z], \)\{0,1\}\(--[a-z][a-z0-9-]*\).*/\2/p'
}

# What a command gets of $given, into $options: validate, plan, apply, saved (the apply of a plan's file) or drift.
options_for() {
    local option name known command="$1" not=""
    case "$1" in
    # What it is to do is in the file.
    saved)
        command=apply
        not="--var --target --exclude --replace --adopt --create-beside --send-secrets --allow-deletes"
        ;;
    # Nothing is to be done.
    drift)
        command=plan
        not="--replace --adopt --create-beside --send-secrets --allow-deletes --fail-on --max-deletes"
        ;;
    esac
    known="$(knows "$command")"
    options=()
    for option in "${given[@]}"; do
        name="${option%%=*}"
        if grep -qxF -e "$name" <<<"$known" && [[ " $not " != *" $name "* ]]; then
            options+=("$option")
        fi
    done
}
