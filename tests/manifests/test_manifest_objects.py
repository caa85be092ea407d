"""Which objects an intent gets, what they are called, and which marks they carry."""

from __future__ import annotations

import dataclasses
import json

import pytest
from manifest_samples import a_recommendation, an_intent, container_of, objects_of, of_kind, pod_of

from giqplan.errors import ManifestError
from giqplan.manifests import APPLYSET_ID, PART_OF, WITH_ANOTHER, applyset_id, initial_scale
from giqplan.model.recommendation import PricingModel


def kinds(objects):
    return [body["kind"] for body in objects]


def test_an_applyset_id_is_the_one_kubectl_computes():
    """The vector of kubectl's own format, computed with openssl: sha256, URL-safe base64, no padding."""
    assert applyset_id("test-foo", "test-ns", "Foo", "foo.bar") == "applyset-f9Rk5tKHoB72oV1tU2iFKxDwL8MBZTjMHFQ8V9WNNlA-v1"


def test_with_a_target_there_is_an_autoscaler_and_without_none():
    assert kinds(objects_of()) == ["ConfigMap", "ServiceAccount", "Deployment", "Service", "PodMonitoring", "HorizontalPodAutoscaler"]
    assert "HorizontalPodAutoscaler" not in kinds(objects_of(recommendation=a_recommendation(hpa_target=None)))


@pytest.mark.parametrize(("name", "made"), [("default", False), ("team-a", True)])
def test_a_namespace_is_made_only_where_no_cluster_has_it(name, made):
    objects = objects_of(an_intent(target={"namespace": name}))
    assert ("Namespace" in kinds(objects)) is made
    assert {body["metadata"].get("namespace", name) for body in objects} == {name}


def test_intents_that_share_a_namespace_agree_on_every_label_of_it():
    first = objects_of(an_intent(target={"namespace": "team-a"}, name="one", labels={"team": "a"}))
    second = objects_of(an_intent(target={"namespace": "team-a"}, name="two"), a_recommendation(precision="", model="a/b"))
    assert of_kind(first, "Namespace") == of_kind(second, "Namespace")


def test_names_are_identities():
    objects = objects_of(an_intent(name="my-bot"))
    assert {body["metadata"]["name"] for body in objects} == {"my-bot"}
    deployment, service = of_kind(objects, "Deployment"), of_kind(objects, "Service")
    selector = {"app.kubernetes.io/instance": "my-bot"}
    assert deployment["spec"]["selector"] == {"matchLabels": selector}
    assert service["spec"]["selector"] == selector
    assert of_kind(objects, "PodMonitoring")["spec"]["selector"] == {"matchLabels": selector}
    assert container_of(objects)["name"] == "inference-server"
    assert service["spec"]["ports"] == [{"name": "http", "port": 8000, "protocol": "TCP", "targetPort": "http"}]
    assert of_kind(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == "my-bot"


def test_another_model_touches_no_selector_and_no_name():
    before = of_kind(objects_of(), "Deployment")
    after = of_kind(objects_of(recommendation=a_recommendation(model="a/b", precision="")), "Deployment")
    assert before["spec"]["selector"] == after["spec"]["selector"]
    assert before["metadata"]["name"] == after["metadata"]["name"]
    assert after["metadata"]["labels"]["ai.gke.io/model"] == "b"


def test_another_model_changes_only_the_deployment_beside_what_informs():
    def telling(objects):
        found = {}
        for body in objects:
            notes = {k: v for k, v in body["metadata"].get("annotations", {}).items() if k not in WITH_ANOTHER}
            found[body["kind"]] = {**body, "metadata": {**body["metadata"], "annotations": notes}}
        return found

    before, after = telling(objects_of()), telling(objects_of(recommendation=a_recommendation(model="a/b", precision="")))
    assert [kind for kind in before if before[kind] != after[kind]] == ["Deployment"]


def test_every_object_is_a_member_of_the_applyset_and_the_parent_is_its_head():
    objects = objects_of()
    parent = of_kind(objects, "ConfigMap")
    own = applyset_id("support-bot", "default")
    assert parent["metadata"]["labels"][APPLYSET_ID] == own
    assert {body["metadata"]["labels"][PART_OF] for body in objects if body is not parent} == {own}
    hint = parent["metadata"]["annotations"]["applyset.k8s.io/contains-group-kinds"]
    assert hint == "Deployment.apps,HorizontalPodAutoscaler.autoscaling,PodMonitoring.monitoring.googleapis.com,Service,ServiceAccount"
    assert parent["metadata"]["annotations"]["applyset.k8s.io/tooling"] == "giqplan/v1"


def test_what_informs_never_stands_in_the_pod_template(monkeypatch):
    """A tool upgrade or a newer catalog must not restart pods (design rule 11)."""
    before = objects_of()
    monkeypatch.setattr("giqplan.manifests.marks.__version__", "99.0.0")
    later = dataclasses.replace(a_recommendation(), catalog_date="2031-01-01")
    after = objects_of(recommendation=later)
    assert of_kind(before, "Deployment")["spec"] == of_kind(after, "Deployment")["spec"]
    for old, new in zip(before, after, strict=True):
        notes_before, notes_after = old["metadata"]["annotations"], new["metadata"]["annotations"]
        assert {k for k in notes_before if notes_before[k] != notes_after[k]} <= WITH_ANOTHER
        assert notes_after["giqplan.dev/version"] == "99.0.0"


def test_the_users_labels_stand_on_objects_and_pods():
    objects = objects_of(an_intent(labels={"team": "support"}))
    assert all(body["metadata"]["labels"]["team"] == "support" for body in objects)
    assert of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]["team"] == "support"


@pytest.mark.parametrize(
    "key", ["app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "applyset.k8s.io/part-of", "ai.gke.io/model", "giqplan.dev/x"]
)
def test_the_users_labels_never_take_ours(key):
    with pytest.raises(ManifestError) as caught:
        objects_of(an_intent(labels={key: "mine"}))
    assert caught.value.code == "GIQ1409"
    assert key in caught.value.detail


def test_replicas_belong_to_the_autoscaler_where_there_is_one():
    with_hpa, without = objects_of(), objects_of(recommendation=a_recommendation(hpa_target=None, replicas=(1, 3, 8)))
    assert "replicas" not in of_kind(with_hpa, "Deployment")["spec"]
    assert of_kind(without, "Deployment")["spec"]["replicas"] == 3


def test_the_first_scale_says_nothing_but_replicas():
    meta = {"name": "support-bot", "namespace": "default"}
    assert initial_scale(an_intent(), a_recommendation(replicas=(1, 2, 8))) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {"replicas": 2},
    }


def test_spot_picks_spot_nodes_and_ends_within_their_notice():
    spot = pod_of(objects_of(recommendation=a_recommendation(pricing=PricingModel.SPOT)))
    assert spot["nodeSelector"]["cloud.google.com/gke-spot"] == "true"
    assert spot["terminationGracePeriodSeconds"] <= 25
    assert "cloud.google.com/gke-spot" not in pod_of(objects_of())["nodeSelector"]


def test_zones_of_the_intent_bind_the_pods():
    pod = pod_of(objects_of(an_intent(target={"zones": ["us-central1-c", "us-central1-a"]})))
    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["us-central1-a", "us-central1-c"]
    assert "affinity" not in pod_of(objects_of())


def test_pull_secrets_and_variables_reach_the_pod():
    objects = objects_of(an_intent(serving={"imagePullSecrets": ["registry"], "env": {"VLLM_LOGGING_LEVEL": "DEBUG"}}))
    assert pod_of(objects)["imagePullSecrets"] == [{"name": "registry"}]
    assert {"name": "VLLM_LOGGING_LEVEL", "value": "DEBUG"} in container_of(objects)["env"]


def test_an_empty_variable_is_set_as_the_server_holds_it() -> None:
    assert {"name": "A"} in container_of(objects_of(an_intent(serving={"env": {"A": ""}})))["env"]


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "VLLM_API_KEY", "HF_HOME"])
def test_variables_that_hold_secrets_or_follow_from_sizes_are_refused(name):
    with pytest.raises(ManifestError) as caught:
        objects_of(an_intent(serving={"env": {name: "x"}}))
    assert caught.value.code == "GIQ1410"


def test_equal_inputs_give_equal_bytes():
    def text():
        return json.dumps(objects_of(an_intent(labels={"b": "2", "a": "1"})))

    assert text() == text()


def test_a_server_without_a_module_is_refused():
    with pytest.raises(ManifestError) as caught:
        objects_of(recommendation=a_recommendation(server="sglang"))
    assert caught.value.code == "GIQ1401"
