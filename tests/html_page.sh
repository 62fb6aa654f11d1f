#!/usr/bin/env bash
# Plans against the emulator, with every sort of change and hostile names, shows the plan as HTML and opens it in headless
# Chromium (tests/html_page.py). First argument: a Python that has tests/html_page_requirements.txt installed; second, if
# given: a folder for screenshots. Chromium and its driver must be on the PATH, and the binary must have been built.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(command -v "${1:?a Python with selenium}")
case "$python" in /*) ;; *) python="$PWD/$python" ;; esac
pictures=${2:+$(realpath "$2")}
tests=$PWD/tests
flowform=$(realpath "${CARGO_TARGET_DIR:-target}/debug/flowform")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export ZENDESK_TOKEN=token
unset FLOWFORM_GATEWAY FLOWFORM_IMS

# pipeline NAME: a pipeline as it is at first.
pipeline() {
    cat >"$1.yaml" <<YAML
apiVersion: flowform/v1
pipeline: $1
platform: { org: 0123456789ABCDEF01234567@AdobeOrg, sandbox: dev }
baseConnection:
  name: $1 base connection
  connectionSpec: { id: 6360f136-5980-4111-8bdf-15d29eab3b5a, version: "1.0" }
  auth:
    specName: OAuth generic-rest-connector
    params: { host: acme.zendesk.com, accessToken: { fromEnv: ZENDESK_TOKEN } }
source:
  name: $1 source
  connectionSpec: { id: 6360f136-5980-4111-8bdf-15d29eab3b5a, version: "1.0" }
  data: { format: json }
  params: { path: users }
target:
  name: $1 target
  dataSetId: 624bf42e16519d19496e3f67
  data: { format: json }
mapping:
  schema: { id: https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4, version: "1.0" }
  fields:
    - { source: result.id, destination: _extconndev.id }
    - { source: result.email, destination: _extconndev.email }
    - { source: 'concat(result.first_name, " ", result.last_name)', destination: _extconndev.fullName }
dataflow:
  name: $1 dataflow
  flowSpec: { id: 6499120c-0b15-42dc-936e-847ea3c24d72, version: "1.0" }
  schedule: { frequency: minute, interval: 15, startTime: 2033-01-01T00:00:00Z }
YAML
}

for name in zendesk-users zendesk-tickets zendesk-groups; do pipeline "$name"; done
"$flowform" plan --emulator -o first.json ./*.yaml >/dev/null 2>&1
"$flowform" apply --emulator --auto-approve ./*.yaml >apply.txt 2>&1 || { cat apply.txt; exit 1; }
"$flowform" plan --emulator -o nothing.json ./*.yaml >/dev/null 2>&1

# Fields and mappings of the first change, the source of the second is replaced with all that needs it, the third goes, and
# a fourth comes, with a name that would be an element.
sed -i -e 's/interval: 15/interval: 30/' -e '/_extconndev.email/d' -e 's/result.last_name)/upper(result.last_name))/' \
    -e 's/zendesk-users target/"<img src=x onerror=document.title='"'hacked'"'>"/' zendesk-users.yaml
sed -i 's/path: users/path: tickets/' zendesk-tickets.yaml
rm zendesk-groups.yaml
pipeline zendesk-orgs
"$flowform" plan --emulator --allow-deletes 5 -o plan.json ./*.yaml >plan.txt 2>&1 || { cat plan.txt; exit 1; }
for name in plan first nothing; do "$flowform" show "$name.json" --format html >"$name.html"; done
"$python" "$tests/html_page.py" ${pictures:+--pictures "$pictures"} plan.html first.html nothing.html
