"""Adobe's own Python client against an emulator: create, list, get, patch and delete of every kind, and runs.

    pip install aepp
    python tests/aepp_walk.py http://127.0.0.1:PORT

aepp's own request code runs as it is; only its two host names are pointed at the emulator, in the same
dictionaries that `aepp.configure` fills.
"""

import sys
import time
import warnings

warnings.filterwarnings("ignore")

import aepp  # noqa: E402
import aepp.config  # noqa: E402
from aepp import catalog, dataprep, flowservice, sandboxes, schema  # noqa: E402

SPEC = {"id": "0a27232b-2c6e-4396-b8c6-c9fc24e37ba4", "version": "1.0"}
LAKE = "c604ff05-7f1a-43c0-8e18-33bf874cb11c"
FLOW_SPEC = "6499120c-0b15-42dc-936e-847ea3c24d72"
DATASET = "624bf42e16519d19496e3f67"
SCHEMA = "https://ns.adobe.com/extconndev/schemas/995dabbea86d58e346ff91bd8aa741a9f36f29b1019138d4"

passed = failed = 0


def check(what, holds):
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
    print(("ok      " if holds else "FAILED  ") + what)


def configure(url):
    aepp.configure(
        org_id="WALK@AdobeOrg",
        client_id="walk",
        secret="not-a-secret",
        scopes="openid,session,AdobeID,read_organizations,additional_info.projectedProductContext",
        sandbox="dev",
        environment="prod",
    )
    aepp.config.endpoints["global"] = url
    aepp.config.config_object["imsEndpoint"] = url
    aepp.config.config_object["oauthTokenEndpointV2"] = url + "/ims/token/v3"


def rename(path, value):
    return [{"op": "add", "path": path, "value": value}]


def walk(url):
    configure(url)
    flows = flowservice.FlowService()
    maps = dataprep.DataPrep()
    check("IMS gives aepp a token", bool(flows.connector.token))

    check("sandbox dev is listed", any(one["name"] == "dev" for one in sandboxes.Sandboxes().getSandboxes()))
    check("tenant id comes from stats", schema.Schema().getTenantId() == "extconndev")
    found = catalog.Catalog().getDataSet(DATASET)
    check("the tutorial's dataset is there", found[DATASET]["schemaRef"]["id"] == SCHEMA)
    check("a connection spec is read", flows.getConnectionSpec(SPEC["id"])["items"][0]["id"] == SPEC["id"])
    check("a flow spec is found by name", flows.getFlowSpecs("name==RestStorageToAEP")[0]["id"] == FLOW_SPEC)

    # Base connection.
    base = flows.createConnection(
        name="walk base",
        connectionSpec=SPEC,
        auth={
            "specName": "OAuth2 Refresh Code",
            "params": {"subdomain": "https://walk.zendesk.com", "accessToken": "walk-token"},
        },
    )["id"]
    check("connection: create and list", any(one["id"] == base for one in flows.getConnections(n_results="inf")))
    second = flows.createConnection(
        name="walk second",
        connectionSpec=SPEC,
        auth={
            "specName": "OAuth2 Refresh Code",
            "params": {"subdomain": "https://walk.zendesk.com", "accessToken": "walk-token"},
        },
    )["id"]
    paged = [one["id"] for one in flows.getConnections(limit=1, n_results="inf")]
    check("connection: list in pages of one", base in paged and second in paged)
    check("connection: delete", flows.deleteConnection(second) == 204)
    check("connection: filter", [one["id"] for one in flows.getConnections(property=f"id=={base}")] == [base])
    check("connection: get, secret masked", "walk-token" not in str(flows.getConnection(base)))
    check("connection: test", flows.connectionTest(base)["result"] is True)
    check("connection: patch", flows.patchConnection(base, rename("/description", "walked"))["id"] == base)
    check("connection: patched", flows.getConnection(base)["description"] == "walked")

    # Source connection.
    source = flows.createSourceConnection(
        {
            "name": "walk source",
            "baseConnectionId": base,
            "connectionSpec": SPEC,
            "data": {"format": "json"},
            "params": {},
        }
    )["id"]
    check("source: create and list", any(one["id"] == source for one in flows.getSourceConnections(n_results="inf")))
    item = flows.getSourceConnection(source)
    check("source: get", item["inheritedAttributes"]["baseConnection"]["id"] == base)
    flows.updateSourceConnection(source, item["etag"], rename("/name", "walked"))
    check("source: patch", flows.getSourceConnection(source)["name"] == "walked")

    # Target connection.
    target = flows.createTargetConnection(
        name="walk target", connectionSpecId=LAKE, datasetId=DATASET, format="json", description="d"
    )["id"]
    check("target: create and list", any(one["id"] == target for one in flows.getTargetConnections(n_results="inf")))
    item = flows.getTargetConnection(target)
    check("target: get", item["params"]["dataSetId"] == DATASET)
    flows.updateTargetConnection(target, item["etag"], rename("/name", "walked"))
    check("target: patch", flows.getTargetConnection(target)["name"] == "walked")

    # Mapping set.
    rules = [{"sourceType": "ATTRIBUTE", "source": "result.id", "destination": "_extconndev.id"}]
    mapping = maps.createMappingSet(schemaId=SCHEMA, mappingList=rules)["id"]
    # aepp's getMappingSets leaves out `start`, which OpenAPI requires: its request code is called with it.
    listed = maps.connector.getData(maps.endpoint + "/mappingSets", params={"limit": 1000, "start": 0})
    check("mapping: create and list", any(one["id"] == mapping for one in listed["data"]))
    check("mapping: get", maps.getMappingSet(mapping)["version"] == 0)
    check("mapping: rules", maps.getMappingSetMappings(mapping)[0]["destination"] == "_extconndev.id")
    rules.append({"sourceType": "ATTRIBUTE", "source": "result.email", "destination": "_extconndev.email"})
    check("mapping: put makes version 1", maps.updateMappingSet(mapping, rules)["version"] == 1)

    # Flow.
    flow = flows.createFlow(
        flow_spec_id=FLOW_SPEC,
        obj={
            "name": "walk flow",
            "flowSpec": {"id": FLOW_SPEC, "version": "1.0"},
            "sourceConnectionIds": [source],
            "targetConnectionIds": [target],
            "transformations": [{"name": "Mapping", "params": {"mappingId": mapping, "mappingVersion": "0"}}],
            "scheduleParams": {"startTime": str(int(time.time()) + 1), "frequency": "minute", "interval": 15},
        },
    )["id"]
    check("flow: create and list", any(one["id"] == flow for one in flows.getFlows(n_results="inf")))
    check("flow: only sources", any(one["id"] == flow for one in flows.getFlows(onlySources=True, n_results="inf")))
    item = flows.getFlow(flow)
    check("flow: get, schedule as strings", item["scheduleParams"]["interval"] == "15")
    check("flow: patch", flows.updateFlow(flow, item["etag"], rename("/name", "walked"))["id"] == flow)
    stale = flows.updateFlow(flow, item["etag"], rename("/name", "again"))
    check("flow: a stale etag is refused", stale.get("status") == 412)
    manager = flowservice.FlowManager(flow)
    check("flow: aepp's manager follows it", manager.flowType == "source" and manager.datasetId == DATASET)
    item = flows.getFlow(flow)
    pin = [
        {
            "op": "replace",
            "path": "/transformations/0",
            "value": {"name": "Mapping", "params": {"mappingId": mapping, "mappingVersion": 1}},
        }
    ]
    flows.updateFlow(flow, item["etag"], pin)
    pinned = flows.getFlow(flow)["transformations"][0]["params"]
    check("flow: pins the new version", pinned["mappingVersion"] == "1")
    check("flow: disable", flows.postFlowAction(flow, "disable")["id"] == flow)
    check("flow: disabled", flows.getFlow(flow)["state"] == "disabled")
    flows.postFlowAction(flow, "enable")

    # Runs.
    time.sleep(2.1)
    runs = flows.getRuns(prop=f"flowId=={flow}")
    check("runs: one after the start", len(runs) == 1)
    check("runs: get", flows.getRun(runs[0]["id"])[0]["flowId"] == flow if runs else False)

    # Down, in order.
    check("connection in use is refused", flows.deleteConnection(base).get("status") == 400)
    check("flow: delete", flows.deleteFlow(flow) == 204)
    check("target: delete", flows.deleteTargetConnection(target) == 204)
    check("source: delete", flows.deleteSourceConnection(source) == 204)
    check("connection: delete", flows.deleteConnection(base) == 204)
    check("mapping: delete", maps.deleteMappingSet(mapping) == 204)
    check("flow: gone", all(one["id"] != flow for one in flows.getFlows(n_results="inf")))


def main():
    global failed
    if len(sys.argv) != 2:
        print("usage: python tests/aepp_walk.py URL")
        return 2
    try:
        walk(sys.argv[1].rstrip("/"))
    except Exception as error:  # the walk ends here, and says where
        failed += 1
        print(f"FAILED  {type(error).__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
