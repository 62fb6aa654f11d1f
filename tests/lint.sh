#!/usr/bin/env bash
# Lints the shell scripts, the workflows and the other YAML of the repository. The linters are those of the machine, or else
# those in FOLDER: tests/lint.sh FOLDER. A linter that is nowhere is left out, saying so.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:${1:?the folder with the linters}"

shared=(action.yml .pre-commit-hooks.yaml .ci/*.yml)
mapfile -t examples < <(find examples -name '*.yaml' -o -name '*.yml' | LC_ALL=C sort)
mapfile -t scripts < <(find ci tests .ci -name '*.sh' | LC_ALL=C sort)
workflows=(examples/ci/github/.github/workflows/*.yml)

has() {
    command -v "$1" >/dev/null || { echo "left out: no $1 on this machine"; return 1; }
}

if has shellcheck; then
    shellcheck --external-sources .ci/run "${scripts[@]}"
    # The scripts of the template for GitLab, each after what runs before it, as the runner puts them together.
    folder="$(mktemp -d)"
    trap 'rm -rf -- "$folder"' EXIT
    "$1/python" - examples/ci/gitlab/.gitlab/flowform.yml "$folder" <<'PYTHON'
import pathlib, sys, yaml
template = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
before = template[".flowform"]["before_script"]
for name, job in template.items():
    if "script" in job:
        text = "\n".join(["#!/usr/bin/env bash", "set -e", *before, *job["script"], ""])
        pathlib.Path(sys.argv[2], name + ".sh").write_text(text, encoding="utf-8")
PYTHON
    # Each job uses a part of what they share; variables of the forge come from outside.
    shellcheck --exclude=SC2034,SC2154,SC2317,SC2329 "$folder"/*.sh
fi
if has yamllint; then
    yamllint --strict --config-file .ci/yamllint.yml "${shared[@]}" "${examples[@]}"
fi
if has zizmor; then
    zizmor --offline --no-progress --config .ci/zizmor.yml action.yml "${workflows[@]}"
fi
if has actionlint; then
    actionlint "${workflows[@]}"
fi
