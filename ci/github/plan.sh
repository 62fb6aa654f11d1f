# shellcheck shell=bash disable=SC2154 # run.sh sets what is not set here
# The command plan: every mistake at its line; else the plan, as a comment that the next push changes. Sourced by
# run.sh.

# What there is to read goes to the run's page and to the pull request.
publish() {
    summary <"$page"
    if [ "$COMMENT" = true ] && [ -n "$PULL_REQUEST" ]; then
        {
            cat -- "$page"
            printf '\n<sub>For %s, by [this run](%s).</sub>\n' "$HEAD_SHA" \
                "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
            signature "$HEAD_SHA ${fingerprint:-none}"
        } >"$folder/comment.md"
        put_comment "$PULL_REQUEST" "$folder/comment.md"
    fi
}

# In place of the plan: WHAT HAPPENED. An older plan must not be taken for this commit's.
publish_failure() {
    {
        printf '<!-- flowform plan: none -->\n### %s\n' "$1"
        quoted
    } >"$page"
    publish
}

fingerprint=""
mistakes=0
options_for validate
# Not fenced: these are commands, one for each mistake, which flowform writes and escapes.
"$FLOWFORM" validate --format github "${options[@]}" -- "${paths[@]}" || mistakes=$?

if [ -n "$PULL_REQUEST" ] && [ "$HEAD_REPOSITORY" != "$GITHUB_REPOSITORY" ]; then
    summary <<<"### No plan: this pull request comes from a fork

The manifests were checked. Planning needs credentials, which GitHub does not give to the workflows of a fork."
    output exitcode "$mistakes"
    exit "$mistakes"
fi

if [ "$mistakes" != 0 ]; then
    output exitcode "$mistakes"
    fenced "$FLOWFORM" validate "${options[@]}" -- "${paths[@]}" || true
    publish_failure "The manifest has mistakes"
    exit "$mistakes"
fi

make_plan
if [ -n "$fingerprint" ]; then
    publish
else
    publish_failure "No plan could be made (code $code)"
fi
case "$code" in
0 | 2) exit 0 ;;
8) fail 8 "the plan is refused: a guard or a check of this workflow does not let it pass" ;;
*) exit "$code" ;;
esac
