# shellcheck shell=bash disable=SC2016,SC2034 # $ENV is for jq; results are read by apply.sh
# Comments and issues of our own, by gh. Sourced. What others wrote is neither read nor changed: only what $BOT wrote,
# and what ends in our own last line, which nothing in a manifest can write.

# The last line of what we write: DETAILS.
signature() {
    printf '\n<!-- flowform action: %s %s -->\n' "$NAME" "$1"
}

# Our comment on a pull request, its id: NUMBER. Empty when there is none.
our_comment() {
    gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$1/comments?per_page=100" --jq '
        .[] | select(.user.login == $ENV.BOT)
        | select(.body | startswith("<!-- flowform plan: "))
        | select(.body | rtrimstr("\n") | split("\n") | last | startswith("<!-- flowform action: " + $ENV.NAME + " "))
        | .id' | sed -n 1p
}

# Makes our comment, or changes the one that there is: NUMBER FILE.
put_comment() {
    local id
    id="$(our_comment "$1")"
    if [ -n "$id" ]; then
        gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$2" --silent
    else
        gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$1/comments" -F "body=@$2" --silent
    fi
}

# Our open issue, its number; empty when there is none.
our_issue() {
    gh api --paginate "repos/$GITHUB_REPOSITORY/issues?state=open&per_page=100" --jq '
        .[] | select(.user.login == $ENV.BOT and .pull_request == null)
        | select(.body // "" | rtrimstr("\n") | split("\n") | last == "<!-- flowform action: " + $ENV.NAME + " drift -->")
        | .number' | sed -n 1p
}

# Makes our issue, or changes the one that there is: TITLE FILE.
put_issue() {
    local number
    number="$(our_issue)"
    if [ -n "$number" ]; then
        gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/$number" -F "body=@$2" --silent
    else
        gh api --method POST "repos/$GITHUB_REPOSITORY/issues" -f "title=$1" -F "body=@$2" --silent
    fi
}

# Closes our issue, if there is one.
close_issue() {
    local number
    number="$(our_issue)"
    [ -z "$number" ] ||
        gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/$number" -f state=closed --silent
}

# Finds the plan that was reviewed before $GITHUB_SHA was merged. Leaves its fingerprint in $reviewed, or in $why why
# there is none; the pull request's number in $number.
find_reviewed() {
    local merged head id last
    reviewed="" why="" number=""
    merged="$(
        gh api "repos/$GITHUB_REPOSITORY/commits/$GITHUB_SHA/pulls" --jq '
            .[] | select(.merged_at != null and .merge_commit_sha == $ENV.GITHUB_SHA)
            | "\(.number) \(.head.sha)"' | sed -n 1p
    )"
    if [ -z "$merged" ]; then
        why="No pull request was merged by this commit."
        return
    fi
    number="${merged%% *}" head="${merged#* }"
    id="$(our_comment "$number")"
    if [ -z "$id" ]; then
        why="#$number has no comment of $BOT with a plan."
        return
    fi
    last="$(gh api "repos/$GITHUB_REPOSITORY/issues/comments/$id" --jq .body | sed -e '/^$/d' | tail -n 1)"
    if ! [[ "$last" =~ ^"<!-- flowform action: $NAME "([0-9a-f]{40,64})" "([0-9a-f]{64}|none)" -->"$ ]]; then
        why="The comment on #$number is not as it was written."
    elif [ "${BASH_REMATCH[1]}" != "$head" ]; then
        why="The comment on #$number has the plan of an earlier commit than the last one that was pushed."
    elif [ "${BASH_REMATCH[2]}" = none ]; then
        why="No plan could be made for #$number."
    else
        reviewed="${BASH_REMATCH[2]}"
    fi
}
