#!/usr/bin/env bash
# The state, on a branch of its own: `fetch` puts it where flowform looks for it, in state/; `keep` commits what an
# apply made of it. There is no lock here: the workflow's concurrency group lets one apply run at a time.
set -euo pipefail
# shellcheck source=ci/github/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

branch="refs/heads/$STATE_BRANCH"
git check-ref-format "$branch" || fail 3 "the input state-branch is no name of a branch"
export GIT_AUTHOR_NAME=flowform GIT_AUTHOR_EMAIL=flowform@users.noreply.github.com
export GIT_COMMITTER_NAME="$GIT_AUTHOR_NAME" GIT_COMMITTER_EMAIL="$GIT_AUTHOR_EMAIL"

fetch() {
    local code=0 commit
    # A runner, or a step before this one, may have had it.
    git worktree prune
    if git worktree list --porcelain | grep -qFx "worktree $PWD/state"; then
        git worktree remove --force state
    fi
    if [ -e state ] || [ -L state ]; then
        fail 3 "there is a state/ in the checkout already; the branch $STATE_BRANCH is to be put there"
    fi
    # No such branch, or no answer: planning from an empty state would be wrong in the second case.
    git ls-remote --exit-code --heads origin "$branch" >/dev/null || code=$?
    case "$code" in
    0)
        git fetch --quiet --no-tags --depth=1 origin "$branch"
        commit="$(git rev-parse FETCH_HEAD)"
        ;;
    2)
        echo "There is no branch $STATE_BRANCH yet: nothing is managed. The first apply makes it."
        commit="$(git commit-tree -m 'No state yet' "$(git hash-object -t tree -w --stdin </dev/null)")"
        ;;
    *) fail 10 "the branch $STATE_BRANCH cannot be fetched" ;;
    esac
    git worktree add --quiet --detach state "$commit"
    output fetched true
}

keep() {
    # History is the backup, and a lock means nothing on another machine.
    git -C state add --all -- . ':(exclude)*.lock' ':(exclude)*.backup'
    if git -C state diff --cached --quiet; then
        echo "The state is as it was."
        return
    fi
    git -C state commit --quiet -m "State after the run $GITHUB_RUN_ID for $GITHUB_SHA"
    for pause in 0 5 20; do
        sleep "$pause"
        # Whoever pushed meanwhile is not overwritten, and trying again does not help then.
        if said="$(LC_ALL=C git -C state push --porcelain origin "HEAD:$branch" 2>&1)"; then
            echo "The state is kept on the branch $STATE_BRANCH."
            return
        fi
        printf '%s\n' "$said"
        [[ "$said" != *rejected* ]] || break
    done
    output lost true
    fail 10 "the state could not be pushed to $STATE_BRANCH; it is an artifact of this run: push it before the next apply"
}

"$1"
