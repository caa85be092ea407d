"""Service Usage, Resource Manager and Cloud Quotas over the wire, by google-auth's session."""

from __future__ import annotations

from typing import Any

import pytest

NUMBER = "424242424242"
POLICY = "/v3/projects/test-project"


@pytest.fixture(scope="module")
def call(sandbox: Any) -> Any:
    """``call(method, path, body, caller)`` gives status and JSON."""
    sessions = {name: sandbox.session(name) for name in ("owner", "planner", "nobody")}

    def one(method: str, path: str, body: Any = None, caller: str = "owner") -> tuple[int, Any]:
        answer = sessions[caller].request(method, sandbox.url(path), json=body)
        return answer.status_code, answer.json()

    return one


# -- Service Usage


def test_an_api_is_on_when_its_operation_is_done(sandbox: Any, call: Any) -> None:
    path = "/v1/projects/test-project/services/compute.googleapis.com"
    assert call("GET", path)[1]["state"] == "DISABLED"
    _, operation = call("POST", f"{path}:enable", {})
    assert call("GET", f"/v1/{operation['name']}") == (200, {"name": operation["name"]})
    sandbox.advance(60)
    done = call("GET", f"/v1/{operation['name']}")[1]
    assert done["done"] and done["response"]["service"]["state"] == "ENABLED"
    assert call("GET", path)[1]["state"] == "ENABLED"
    assert call("POST", f"{path}:enable", {})[1]["name"] == "operations/noop.DONE_OPERATION", "it is on already"


def test_several_apis_at_once(sandbox: Any, call: Any) -> None:
    wanted = ["monitoring.googleapis.com", "logging.googleapis.com"]
    _, operation = call("POST", "/v1/projects/test-project/services:batchEnable", {"serviceIds": wanted})
    sandbox.advance(60)
    services = call("GET", f"/v1/{operation['name']}")[1]["response"]["services"]
    assert [s["name"] for s in services] == [f"projects/{NUMBER}/services/{name}" for name in wanted]
    assert call("POST", "/v1/projects/test-project/services:batchEnable", {"serviceIds": ["a.b"] * 21})[0] == 400


def test_the_list_of_apis_has_filters_and_pages(call: Any) -> None:
    base = "/v1/projects/test-project/services?filter=state:ENABLED"
    whole = [s["config"]["name"] for s in call("GET", base)[1]["services"]]
    assert "container.googleapis.com" in whole and "secretmanager.googleapis.com" not in whole
    pages, token = [], ""
    while True:
        body = call("GET", f"{base}&pageSize=2" + (f"&pageToken={token}" if token else ""))[1]
        pages += [s["config"]["name"] for s in body["services"]]
        token = body.get("nextPageToken", "")
        if not token:
            break
    assert pages == whole
    assert call("GET", "/v1/projects/test-project/services?filter=name:x")[0] == 400
    assert call("GET", "/v1/projects/off-project/services?filter=state:ENABLED") == (200, {})


def test_enabling_takes_a_permission(call: Any) -> None:
    status, body = call("POST", "/v1/projects/test-project/services/compute.googleapis.com:enable", {}, caller="planner")
    info = body["error"]["details"][0]
    assert status == 403 and info["reason"] == "IAM_PERMISSION_DENIED"
    assert info["metadata"]["permission"] == "serviceusage.services.enable"


# -- Resource Manager


def test_a_project_is_found_by_id_and_number(call: Any) -> None:
    assert call("GET", "/v3/projects/test-project")[1]["name"] == f"projects/{NUMBER}"
    assert call("GET", f"/v3/projects/{NUMBER}")[1]["projectId"] == "test-project"
    assert call("GET", "/v1/projects/test-project")[1]["projectNumber"] == NUMBER
    assert call("GET", "/v3/projects/somebody-elses")[0] == 403


def test_a_project_policy_is_written_under_its_etag(call: Any) -> None:
    options = {"options": {"requestedPolicyVersion": 3}}
    policy = call("POST", f"{POLICY}:getIamPolicy", options)[1]
    assert {"role": "roles/owner", "members": ["user:owner@example.com"]} in policy["bindings"]
    changed = policy | {"bindings": [*policy["bindings"], {"role": "roles/monitoring.viewer", "members": ["user:x@example.com"]}]}
    status, after = call("POST", f"{POLICY}:setIamPolicy", {"policy": changed})
    assert status == 200 and after["etag"] != policy["etag"]
    status, body = call("POST", f"{POLICY}:setIamPolicy", {"policy": changed})
    assert (status, body["error"]["status"]) == (409, "ABORTED")
    assert call("POST", f"{POLICY}:setIamPolicy", {"policy": policy | {"etag": after["etag"]}})[0] == 200


def test_a_project_is_never_left_without_an_owner(call: Any) -> None:
    status, body = call("POST", f"{POLICY}:setIamPolicy", {"policy": {"bindings": []}})
    assert status == 400 and "owner" in body["error"]["message"]


def test_who_may_read_a_policy_may_not_write_it(call: Any) -> None:
    status, policy = call("POST", f"{POLICY}:getIamPolicy", {}, caller="planner")
    assert status == 200
    assert call("POST", f"{POLICY}:setIamPolicy", {"policy": policy}, caller="planner")[0] == 403
    assert call("POST", f"{POLICY}:getIamPolicy", {}, caller="nobody")[0] == 403


def test_permissions_are_tested_for_the_caller(call: Any) -> None:
    asked = {"permissions": ["container.clusters.get", "container.clusters.create"]}
    assert call("POST", f"{POLICY}:testIamPermissions", asked)[1] == asked
    assert call("POST", f"{POLICY}:testIamPermissions", asked, caller="planner")[1] == {"permissions": ["container.clusters.get"]}
    assert call("POST", f"{POLICY}:testIamPermissions", asked, caller="nobody") == (200, {})
    assert call("POST", f"{POLICY}:testIamPermissions", {"permissions": ["nonsense"]})[0] == 400


def test_resource_manager_is_off(call: Any) -> None:
    status, body = call("GET", "/v3/projects/off-project")
    assert status == 403 and body["error"]["details"][1]["reason"] == "SERVICE_DISABLED"


# -- Cloud Quotas


def quota_path(project: str = "test-project", quota: str = "") -> str:
    path = f"/v1/projects/{project}/locations/global/services/compute.googleapis.com/quotaInfos"
    return f"{path}/{quota}" if quota else path


def test_a_family_quota_has_its_dimensions(call: Any) -> None:
    info = call("GET", quota_path(quota="GPUS-PER-GPU-FAMILY-per-project-region"))[1]
    assert info["dimensions"] == ["region", "gpu_family"]
    granted, rest = info["dimensionsInfos"]
    assert granted["dimensions"] == {"region": "us-central1", "gpu_family": "NVIDIA_H100"}
    assert granted["details"]["value"] == "24" and granted["applicableLocations"] == ["us-central1"]
    assert "dimensions" not in rest and rest["details"]["value"] == "0"


def test_the_list_of_quotas_has_pages(call: Any) -> None:
    whole = [q["quotaId"] for q in call("GET", quota_path())[1]["quotaInfos"]]
    first = call("GET", f"{quota_path()}?pageSize=5")[1]
    assert [q["quotaId"] for q in first["quotaInfos"]] == whole[:5] and first["nextPageToken"]
    assert "GPUS-ALL-REGIONS-per-project" in whole
    assert call("GET", f"{quota_path()}?pageToken=bad")[0] == 400


def test_quotas_take_a_permission_and_an_api(call: Any) -> None:
    assert call("GET", quota_path(), caller="nobody")[0] == 403
    assert call("GET", quota_path("off-project"))[1]["error"]["details"][1]["metadata"]["service"] == "cloudquotas.googleapis.com"
    assert call("GET", quota_path(quota="NONE"))[0] == 404


def test_a_quota_project_takes_the_right_to_use_it(sandbox: Any) -> None:
    def status(caller: str, project: str) -> int:
        headers = {"X-Goog-User-Project": project}
        return int(sandbox.session(caller).get(sandbox.url("/v3/projects/test-project"), headers=headers).status_code)

    assert [status("owner", "test-project"), status("owner", "nowhere"), status("planner", "test-project")] == [200, 403, 403]


@pytest.mark.parametrize("body", ["[]", "{", "3", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(sandbox: Any, body: str | bytes) -> None:
    answer = sandbox.session().post(sandbox.url(f"{POLICY}:getIamPolicy"), data=body)
    assert answer.status_code == 400 and "Invalid JSON payload" in answer.json()["error"]["message"]


def test_an_unknown_url_is_404(call: Any) -> None:
    assert call("GET", "/v9/projects")[0] == 404
    assert call("DELETE", "/v3/projects/test-project")[0] == 405
