# shellcheck shell=bash disable=SC2154 # run.sh sets what is not set here
# The command apply: plans again what was merged, and carries it out if that is the plan that was reviewed. Sourced by
# run.sh.

# Ends without having written anything: WHAT WHY.
refuse() {
    {
        printf '### Refused: %s\n\n%s\n\n' "$1" "$2"
        printf 'Nothing was written. Below is what an apply of this commit would do now. To carry that out, run this '
        printf 'workflow by hand with its fingerprint, %s; ' "$fingerprint"
        printf 'or change the manifests by another pull request.\n\n'
        cat -- "$page"
    } | summary
    output exitcode 7
    fail 7 "refused: $1; nothing was written, and the summary of this run says how to go on"
}

make_plan
case "$code" in
0 | 2) ;;
8)
    { printf '### Refused by a guard or a check\n\nNothing was written.\n\n'; cat -- "$page"; } | summary
    fail 8 "the plan is refused: a guard or a check of this workflow does not let it pass"
    ;;
*)
    { printf '### No plan could be made (code %s)\n\nNothing was written.\n' "$code"; quoted; } | summary
    exit "$code"
    ;;
esac

whose="the input expect"
reviewed="${EXPECT,,}"
if [ "$code" = 0 ]; then
    # Nothing was to be reviewed. The apply changes nothing but what the state knows of an interrupted one.
    reviewed="$fingerprint"
elif [ -z "$reviewed" ]; then
    find_reviewed
    whose="the comment on #$number"
    [ -n "$reviewed" ] || refuse "there is no reviewed plan" "$why"
fi
[[ "$reviewed" =~ ^[0-9a-f]{16,64}$ ]] || fail 3 "the input expect is at least 16 hex digits of a fingerprint"
[[ "$fingerprint" == "$reviewed"* ]] ||
    refuse "the plan is not the reviewed one" "Something has changed since the review: the platform, the state, or \
what was merged besides. The fingerprint in $whose is $reviewed, and now the plan's is $fingerprint."

code=0
options_for apply
fenced "$FLOWFORM" apply --expect "$reviewed" --auto-approve "${options[@]}" -- "${paths[@]}" || code=$?
output exitcode "$code"
{
    case "$code" in
    0) printf '### Applied the plan %s\n' "${fingerprint:0:16}" ;;
    8) printf '### Refused by a guard or a check\n\nNothing was written.\n' ;;
    7) printf '### Refused: something changed while this ran\n\nNothing was written. Run this again.\n' ;;
    *) printf '### The apply ended with code %s\n\nThe state is kept. Plan again to see what is left to do.\n' "$code" ;;
    esac
    quoted
} | summary
exit "$code"
