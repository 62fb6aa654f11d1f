#!/usr/bin/env bash
# Starts the emulator and lets Adobe's own Python client walk through it. First argument: a Python that has
# tests/aepp_requirements.txt installed. The binary must have been built.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:?a Python with aepp}
url_file=$(mktemp)
"${CARGO_TARGET_DIR:-target}/debug/flowform" emulator --port 0 >"$url_file" 2>/dev/null &
emulator=$!
trap 'kill "$emulator" 2>/dev/null; rm -f "$url_file"' EXIT
for _ in $(seq 100); do
    [ -s "$url_file" ] && break
    sleep 0.1
done
"$python" tests/aepp_walk.py "$(cat "$url_file")"
