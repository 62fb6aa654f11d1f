# shellcheck shell=bash disable=SC2154 # $log is set by whoever calls
# What the steps of action.yml share: outputs, the run's page, and logs that the runner takes no commands from.
# Sourced; does nothing by itself.

# A value for the steps after this one: NAME VALUE, in one line.
output() {
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

# Markdown from stdin for the page of the run.
summary() {
    cat >>"$GITHUB_STEP_SUMMARY"
}

# Ends with CODE and an annotation: CODE MESSAGE. The message is ours, in one line.
fail() {
    printf '::error title=flowform::%s\n' "$2"
    exit "$1"
}

# Runs a command whose output may hold text of a pull request: the runner obeys no line of it. Keeps it in the file
# $log.
fenced() {
    local token code=0
    token="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    printf '::stop-commands::%s\n' "$token"
    # In one stream: the runner reads two of them in no certain order.
    "$@" 2>&1 | tee -- "$log" || code=$?
    printf '\n::%s::\n' "$token"
    return "$code"
}

# The end of $log as Markdown. Nothing in it can end an indented block.
quoted() {
    printf '\n'
    tail -c 50000 -- "$log" | tr -d '\r' | sed 's/^/    /'
    printf '\n'
}
