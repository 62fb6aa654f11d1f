#!/usr/bin/env bash
# Lets tools that read `terraform show -json` read our plans, as they come from the package index. First argument: the
# folder of the programs of a Python that has tests/terraform_requirements.txt installed. The plans are those that the
# suite leaves in the target folder.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=${1:?the programs of a Python with tests/terraform_requirements.txt}
programs=$(cd "$programs" && pwd)
features=$PWD/tests/terraform
cargo test --locked --quiet --test suite -- --exact terraform::what_others_read_in_it >/dev/null
plans=${CARGO_TARGET_DIR:-target}/tmp/terraform
plans=$(cd "$plans" && pwd)
# The tools leave files where they run; one writes its input anew.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

failed=0
check() { # what was asked, what is expected, what was said
    if [ "$2" = "$3" ]; then
        echo "ok      $1"
    else
        printf 'FAILED  %s\n  expected: %s\n  said:     %s\n' "$1" "$2" "$3"
        failed=1
    fi
}

# A summariser: how many are created, changed, destroyed.
counts() {
    "$programs/tfsumpy" "$plans/$1.json" --output json 2>/dev/null | "$programs/python" -c '
import json, sys
summary = json.load(sys.stdin)["summary"]
print(*(summary["resources_to_" + what] for what in ("add", "change", "destroy")))' || echo "exit code $?"
}
check "tfsumpy counts what is created" "5 0 0" "$(counts create)"
check "tfsumpy counts what changes" "0 1 0" "$(counts update)"
check "tfsumpy counts what is destroyed" "0 0 5" "$(counts destroy)"
check "tfsumpy counts nothing" "0 0 0" "$(counts nothing)"

# A summariser that lists names and addresses.
listed() { "$programs/terraplanfeed" "$plans/$1.json" 2>&1 | grep -e '^(' -e '^No changes' || echo "exit code $?"; }
check "terraplanfeed lists an update" "(📝): users flow (flowform_dataflow.users)" "$(listed update)"
check "terraplanfeed lists a deletion" "(🛑): users flow (flowform_dataflow.users)" "$(listed delete)"
check "terraplanfeed tells a replacement" "(🚧): users source (flowform_source.users)
(🚧): users flow (flowform_dataflow.users)" "$(listed replace)"
check "terraplanfeed finds no changes" "No changes" "$(listed nothing)"

# Policies in words.
judged() {
    cp "$plans/$1.json" plan.json
    local code=0
    "$programs/terraform-compliance" -p plan.json -f "$features" >judged 2>&1 || code=$?
    # Its colours come whether or not there is a terminal.
    sed 's/\x1b\[[0-9;]*m//g' judged | grep -o -e 'scenarios (.*)' -e 'Failure: for.*' || true
    echo "exit code $code"
}
check "terraform-compliance passes a plan with all sections" "scenarios (2 passed)
exit code 0" "$(judged slow)"
check "terraform-compliance fails a plan that runs too often" \
    "Failure: for flowform_dataflow.users on flowform_dataflow. 15 is not more and equal than 30.
scenarios (1 passed, 1 failed)
exit code 1" "$(judged create)"
check "terraform-compliance judges only what is there" "scenarios (1 passed, 1 skipped)
exit code 0" "$(judged update)"
check "terraform-compliance finds nothing in a deletion" "scenarios (0 passed, 2 skipped)
exit code 0" "$(judged delete)"
exit "$failed"
