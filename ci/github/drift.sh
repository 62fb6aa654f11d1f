# shellcheck shell=bash disable=SC2154 # run.sh sets what is not set here
# The command drift: keeps one issue that says what the platform has otherwise than the last apply left it, as long as
# that is so; or fails. Sourced by run.sh.

code=0
options_for drift
fenced "$FLOWFORM" plan --refresh-only --markdown "$page" "${options[@]}" -- "${paths[@]}" || code=$?
output exitcode "$code"
case "$code" in
0) output changes false ;;
11) output changes true ;;
*)
    { printf '### Drift could not be looked for (code %s)\n' "$code"; quoted; } | summary
    exit "$code"
    ;;
esac
summary <"$page"

if [ "$ISSUE" = true ]; then
    if [ "$code" = 11 ]; then
        { cat -- "$page"; signature drift; } >"$folder/issue.md"
        put_issue "flowform: drift ($NAME)" "$folder/issue.md"
    else
        close_issue
    fi
    exit 0
fi
[ "$code" = 0 ] || fail "$code" "the platform is not as the last apply left it"
