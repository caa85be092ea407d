"""What the intent no longer has goes, kind by kind; what others share stays, and that is said."""

from __future__ import annotations

from typing import Any

from engine_house import House, by_address

from giqplan.errors import Exit
from giqplan.model.plan import Cause, Verb

MEMBER = "google_storage_bucket_iam_member.{}/roles/storage.objectViewer/inference/quickstart"


def verbs(house: House) -> dict[str, Verb]:
    return {address: change.verb for address, change in by_address(house.plan()).items()}


def settled(house: House) -> bool:
    return house.apply().exit is Exit.DONE and by_address(house.plan()) == {}


def members(policy: dict[str, Any]) -> set[tuple[str, str]]:
    return {(binding["role"], member) for binding in policy["bindings"] for member in binding["members"]}


def test_the_right_on_a_bucket_that_the_intent_no_longer_names_is_taken_back(applied: House) -> None:
    policy = applied.google("GET", "/storage/v1/b/my-project-models/iam")
    applied.google("POST", "/storage/v1/b?project=my-project", {"name": "another", "location": "us-central1"})
    for name in ("config.json", "model.safetensors"):
        applied.google("POST", f"/upload/storage/v1/b/another/o?uploadType=media&name=openai/{name}", {})
    applied.set("storage.bucket.uri", "gs://another/openai")
    found = verbs(applied)
    assert found[MEMBER.format("my-project-models")] is Verb.DELETE
    assert found[MEMBER.format("another")] is Verb.CREATE
    applied.apply()
    after = applied.google("GET", "/storage/v1/b/my-project-models/iam")
    assert members(after) == {pair for pair in members(policy) if "principal://" not in pair[1]}, "other people's members stay"


def test_another_namespace_takes_everything_there_and_leaves_the_old_one(applied: House) -> None:
    applied.set("target.namespace", "serving")
    acting = by_address(applied.plan())
    gone = {a for a, c in acting.items() if c.verb is Verb.DELETE}
    assert gone == {
        "kubernetes_config_map.inference/quickstart",
        "kubernetes_service_account.inference/quickstart",
        "kubernetes_deployment.inference/quickstart",
        "kubernetes_service.inference/quickstart",
        "kubernetes_horizontal_pod_autoscaler.inference/quickstart",
        "kubernetes_pod_monitoring.inference/quickstart",
        MEMBER.format("my-project-models"),
    }
    assert {acting[a].cause for a in gone} == {Cause.NOT_WANTED}
    assert acting["kubernetes_namespace.inference"].verb is Verb.FORGET
    assert acting["kubernetes_namespace.serving"].verb is Verb.CREATE


def test_without_managed_prometheus_its_pod_monitoring_goes_and_the_setting_stays(applied: House) -> None:
    applied.set("observability.managedPrometheus", False)
    applied.set("observability.autoMonitoring", False)
    found = verbs(applied)
    assert found.pop("kubernetes_pod_monitoring.inference/quickstart", Verb.DELETE) is Verb.DELETE
    assert set(found.values()) <= {Verb.FORGET}
    assert settled(applied)
    assert applied.cluster()["monitoringConfig"]["managedPrometheusConfig"]["enabled"] is True


def test_without_an_autoscaler_the_adapter_stays_and_destroy_takes_it(applied: House) -> None:
    applied.intent["spec"].pop("slo")
    applied.write()
    found = verbs(applied)
    assert found.pop("kubernetes_horizontal_pod_autoscaler.inference/quickstart") is Verb.DELETE
    assert not [a for a in found if "custom-metrics" in a]
    assert settled(applied)
    assert by_address(applied.plan_destroy())["kubernetes_deployment.custom-metrics/custom-metrics-stackdriver-adapter"].verb is Verb.DELETE


def test_what_is_gone_already_is_only_forgotten(applied: House) -> None:
    applied.kubernetes("DELETE", "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers/quickstart")
    applied.intent["spec"].pop("slo")
    applied.write()
    change = by_address(applied.plan())["kubernetes_horizontal_pod_autoscaler.inference/quickstart"]
    assert (change.verb, change.why) == (Verb.FORGET, "it is gone already")


def test_what_took_the_name_of_something_unwanted_is_not_deleted(applied: House) -> None:
    path = "/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers"
    body = applied.kubernetes("GET", f"{path}/quickstart")
    applied.kubernetes("DELETE", f"{path}/quickstart")
    applied.kubernetes("POST", path, {**body, "status": {}, "metadata": {"name": "quickstart", "namespace": "inference"}})
    applied.intent["spec"].pop("slo")
    applied.write()
    assert applied.apply().exit is Exit.DONE
    assert applied.kubernetes("GET", f"{path}/quickstart")["metadata"]["name"] == "quickstart"
