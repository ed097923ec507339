"""Judges the peer by NiFi's own generated client (PyPI `nipyapi`), and the flow definition by its models.

    judge.py ORIGIN AUTHORITY FLOW
"""

import json
import re
import sys

import nipyapi
from nipyapi.nifi import models

ORIGIN, AUTHORITY, FLOW = sys.argv[1:]


def sign_in():
    nifi, configuration = nipyapi.nifi, nipyapi.nifi.configuration
    configuration.host = f"{ORIGIN}/nifi-api"
    configuration.ssl_ca_cert = AUTHORITY
    configuration.verify_ssl = True
    token = nifi.AccessApi().create_access_token(username="moodbridge", password="correct horse")
    return nifi.ApiClient(header_name="Authorization", header_value=f"Bearer {token}")


def drive_flow(client):
    nifi = nipyapi.nifi
    flow = nifi.FlowApi(client)
    assert flow.get_about_info().about.version.startswith("2.")
    root = flow.get_process_group_status("root", recursive=True).process_group_status
    group = root.aggregate_snapshot.process_group_status_snapshots[0].process_group_status_snapshot
    assert group.name == "MoodBridge changes", group.name
    assert len(group.connection_status_snapshots) == 6
    flow.schedule_components({"id": group.id, "state": "RUNNING"}, group.id)
    port = group.input_port_status_snapshots[0].id
    entity = nifi.InputPortsApi(client).get_input_port(port)
    assert (entity.component.state, entity.revision.version) == ("RUNNING", 1), entity

    processors = nifi.ProcessorsApi(client)
    id_ = group.processor_status_snapshots[0].id
    found = processors.get_processor(id_)
    wish = {"revision": {"clientId": "judge", "version": found.revision.version}, "state": "STOPPED"}
    changed = processors.update_run_status5(wish, id_)
    assert changed.revision.version == found.revision.version + 1, changed
    try:
        processors.update_run_status5(wish, id_)
        raise AssertionError("a stale revision was taken")
    except nifi.rest.ApiException as error:
        assert error.status == 400 and "most up-to-date revision" in str(error), error
    assert flow.get_bulletin_board(after="0", limit="5").bulletin_board.bulletins == []
    return port


def drive_searches(client):
    provenance = nipyapi.nifi.ProvenanceApi(client)
    request = models.ProvenanceRequestDTO(max_results=5, search_terms={
        "ProcessorID": models.ProvenanceSearchValueDTO(value="x", inverse=False)})
    body = models.ProvenanceEntity(provenance=models.ProvenanceDTO(request=request))
    found = provenance.submit_provenance_request(body)
    for _ in range(5):
        found = provenance.get_provenance(found.provenance.id)
    assert found.provenance.finished and found.provenance.results.provenance_events == []
    provenance.delete_provenance(found.provenance.id)


def drive_site_to_site(client, port):
    nifi = nipyapi.nifi
    site = nifi.SiteToSiteApi(client)
    controller = site.get_site_to_site_details().controller
    assert controller.site_to_site_secure and controller.input_ports[0].id == port
    peer = site.get_peers().peers[0]
    assert (peer.hostname, peer.secure) == ("localhost", True)
    client.set_default_header("x-nifi-site-to-site-protocol-version", "1")
    transfer = nifi.DataTransferApi(client)
    assert transfer.create_port_transaction("input-ports", port).response_code == 1
    # What is said in headers its models do not hold.
    answer = client.last_response
    headers = {name.lower(): value for name, value in answer.getheaders().items()}
    assert answer.status == 201 and headers["x-nifi-site-to-site-server-transaction-ttl"] == "30"
    transaction = headers["location"].rsplit("/", 1)[1]
    assert transfer.extend_input_port_transaction_ttl(port, transaction).response_code == 10
    # Its own method for this says a content type that its transport then refuses.
    ended = client.call_api(
        "/data-transfer/input-ports/{port}/transactions/{id}", "DELETE",
        {"port": port, "id": transaction}, [("responseCode", 15)],
        {"Accept": "application/json", "Content-Type": "application/json"},
        response_type="TransactionResultEntity", _return_http_data_only=True)
    assert (ended.response_code, ended.flow_file_sent) == (15, 0), ended


def fits(value, kind, path):
    """Holds `value` against the type that a model of the client names, and goes into it."""
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        assert isinstance(value, list), f"{path} is no list"
        return [fits(it, inner[1], f"{path}[{idx}]") for idx, it in enumerate(value)]
    if inner := re.fullmatch(r"dict\(str, (.+)\)", kind):
        assert isinstance(value, dict), f"{path} is no object"
        return [fits(it, inner[1], f"{path}.{name}") for name, it in value.items()]
    plain = {"str": str, "int": int, "float": (int, float), "bool": bool}.get(kind)
    if plain:
        is_bool = isinstance(value, bool)
        assert isinstance(value, plain) and (kind == "bool") == is_bool, f"{path} is no {kind}"
        return None
    model = getattr(models, kind)
    assert isinstance(value, dict), f"{path} is no {kind}"
    known = {name: model.swagger_types[field] for field, name in model.attribute_map.items()}
    for name, it in value.items():
        assert name in known, f"{path}.{name} is not part of {kind}"
        fits(it, known[name], f"{path}.{name}")
    return None


def judge_flow():
    with open(FLOW, encoding="utf-8") as file:
        flow = json.load(file)
    fits(flow, "RegisteredFlowSnapshot", "flow")
    group = flow["flowContents"]
    parts = group["processors"] + group["inputPorts"] + group["outputPorts"]
    by_id = {it["identifier"]: it for it in parts}
    assert len(by_id) == len(parts), "two parts have one id"
    assert all(it["groupIdentifier"] == group["identifier"] for it in parts + group["connections"])
    left = {}
    for it in group["connections"]:
        for end in (it["source"], it["destination"]):
            part = by_id[end["id"]]
            assert (end["name"], end["type"]) == (part["name"], part["componentType"]), end
        left.setdefault(it["source"]["id"], set()).update(it["selectedRelationships"])
        assert it["prioritizers"], "without one, flow files change their order"
    for it in group["inputPorts"]:
        assert it["allowRemoteAccess"] and it["identifier"] in left
    for it in group["processors"]:
        # What leads nowhere makes a processor invalid.
        dynamic = {name for name, of in it["propertyDescriptors"].items() if of["dynamic"]}
        named = {"ListenHTTP": {"success"}, "RouteOnAttribute": dynamic | {"unmatched"}}
        wanted = named[it["type"].rsplit(".", 1)[1]]
        assert left[it["identifier"]] | set(it["autoTerminatedRelationships"]) == wanted, it["name"]
        assert set(it["properties"]) == set(it["propertyDescriptors"])


def main():
    judge_flow()
    client = sign_in()
    port = drive_flow(client)
    drive_searches(client)
    drive_site_to_site(client, port)
    nipyapi.nifi.AccessApi(client).log_out()
    print("judged")


if __name__ == "__main__":
    main()
