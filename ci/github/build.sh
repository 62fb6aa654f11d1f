#!/usr/bin/env bash
# Builds flowform from the action's own sources. `name` says where the binary will be and under which key it is cached;
# `build` makes it.
set -euo pipefail
# shellcheck source=ci/github/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The action is downloaded without its history, so its content is what tells one version from another.
content="$(
    cd "$GITHUB_ACTION_PATH"
    find Cargo.toml Cargo.lock src docs -type f | LC_ALL=C sort >"$RUNNER_TEMP/flowform-sources"
    { cat "$RUNNER_TEMP/flowform-sources"; git hash-object --stdin-paths <"$RUNNER_TEMP/flowform-sources"; } |
        git hash-object --stdin
)"
folder="$RUNNER_TEMP/flowform-bin-$content"

case "$1" in
name)
    output key "flowform-$RUNNER_OS-$RUNNER_ARCH-$content"
    output folder "$folder"
    output binary "$folder/flowform"
    ;;
build)
    command -v cargo >/dev/null ||
        fail 1 "no cargo on this runner: install Rust in a step before, or name a binary with the input flowform"
    # There, so that no cargo configuration of a pull request is read.
    cd "$GITHUB_ACTION_PATH"
    CARGO_TARGET_DIR="$RUNNER_TEMP/flowform-target" cargo build --release --locked
    mkdir -p "$folder"
    cp "$RUNNER_TEMP/flowform-target/release/flowform" "$folder/"
    ;;
esac
