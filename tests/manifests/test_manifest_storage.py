"""Where weights come from, and the memory, disk and time that this takes."""

from __future__ import annotations

import pytest
from manifest_samples import (
    A3_1G,
    A3_8G,
    BUCKET,
    G2_12,
    G2_96,
    a_recommendation,
    an_intent,
    container_of,
    env_of,
    gib,
    objects_of,
    of_kind,
    pod_of,
)

from giqplan.errors import ManifestError
from giqplan.manifests import MachineFacts
from giqplan.manifests.sizing import allocatable_gib

H100_1 = a_recommendation(count=1, parallelism="tp1", machine="a3-highgpu-1g")
L4_1 = a_recommendation(count=1, parallelism="tp1", machine="g2-standard-12", accelerator="nvidia-l4")
OLD = a_recommendation(version="0.11.0", precision="")


def requests(objects):
    return container_of(objects)["resources"]["requests"]


def volume(objects, name):
    return next((v for v in pod_of(objects)["volumes"] if v["name"] == name), None)


def test_the_token_is_a_reference_in_both_spellings():
    env = env_of(objects_of(gated=True))
    reference = {"secretKeyRef": {"name": "hf-secret", "key": "hf_api_token"}}
    assert env["HF_TOKEN"] == env["HUGGING_FACE_HUB_TOKEN"] == reference


def test_an_open_model_starts_without_the_secret_and_an_unknown_one_does_not():
    assert env_of(objects_of(gated=False))["HF_TOKEN"]["secretKeyRef"]["optional"] is True
    assert "optional" not in env_of(objects_of(gated=None))["HF_TOKEN"]["secretKeyRef"]


def test_a_users_variable_wins_over_ours_and_stands_once():
    intent = an_intent(serving={"env": {"HF_XET_CHUNK_CACHE_SIZE_BYTES": "5", "LD_LIBRARY_PATH": "/opt"}})
    found = [(e["name"], e.get("value")) for e in container_of(objects_of(intent))["env"]]
    assert [pair for pair in found if pair[0] in ("HF_XET_CHUNK_CACHE_SIZE_BYTES", "LD_LIBRARY_PATH")] == [
        ("HF_XET_CHUNK_CACHE_SIZE_BYTES", "5"),
        ("LD_LIBRARY_PATH", "/opt"),
    ]


def test_small_weights_go_to_the_boot_disk_and_its_use_is_requested():
    objects = objects_of(weights_gib=60)
    assert "HF_HOME" not in env_of(objects)
    assert 60 < gib(requests(objects)["ephemeral-storage"]) <= 90


@pytest.mark.parametrize("weights", [80.5, 90, 121.54, 640])
def test_weights_that_a_boot_disk_cannot_hold_are_cached_in_memory(weights):
    """A boot disk has 90 GiB for pods; what is cached in /dev/shm counts as the pod's memory."""
    objects = objects_of(weights_gib=weights)
    assert env_of(objects)["HF_HOME"] == "/dev/shm/hf_cache"
    shm = volume(objects, "dshm")["emptyDir"]
    assert shm["medium"] == "Memory"
    assert weights < gib(shm["sizeLimit"]) < gib(requests(objects)["memory"])
    assert gib(requests(objects)["ephemeral-storage"]) <= 90


def test_what_neither_disk_nor_memory_holds_goes_to_the_machines_local_ssd():
    objects = objects_of(recommendation=H100_1, machine=A3_1G, weights_gib=230)
    assert "HF_HOME" not in env_of(objects)
    assert gib(requests(objects)["ephemeral-storage"]) == 240


def test_what_fits_nowhere_is_refused_with_a_remedy():
    with pytest.raises(ManifestError) as caught:
        objects_of(recommendation=L4_1, machine=G2_12, weights_gib=85)
    assert caught.value.code == "GIQ1408"
    assert "bucket" in caught.value.remedy


def test_a_checkpoint_that_is_quantised_while_loading_is_fetched_whole():
    """45 GiB in fp8 are 90 GiB of bf16 files: too much for a boot disk. The user's own number is the files' already."""
    recommendation = a_recommendation(model="a/b", precision="fp8")

    def cached_in_memory(intent, dtype):
        return "HF_HOME" in env_of(objects_of(intent, recommendation, weights_gib=45, checkpoint_dtype=dtype))

    assert cached_in_memory(an_intent(), "bf16")
    assert not cached_in_memory(an_intent(), "fp8")
    assert not cached_in_memory(an_intent(model={"weightsGiB": 45}), "bf16")


def test_weights_of_unknown_size_are_refused():
    with pytest.raises(ManifestError) as caught:
        objects_of(weights_gib=None)
    assert (caught.value.code, caught.value.remedy) == ("GIQ1407", "set spec.model.weightsGiB")


def test_the_streamer_needs_memory_for_its_buffer_and_no_volume():
    one = objects_of(an_intent(storage=BUCKET), H100_1, machine=A3_1G, weights_gib=70)
    args = container_of(one)["args"]
    assert "--load-format=runai_streamer" in args
    assert not any("distributed" in arg for arg in args)
    assert [v["name"] for v in pod_of(one)["volumes"]] == ["dshm"]
    assert gib(requests(one)["memory"]) >= 40
    many = objects_of(an_intent(storage=BUCKET), weights_gib=640)
    assert gib(requests(many)["memory"]) > 640
    assert "HF_TOKEN" not in env_of(many)


def test_the_streamers_buffer_shrinks_to_what_the_machine_has():
    objects = objects_of(an_intent(storage=BUCKET), L4_1, machine=G2_12, weights_gib=60)
    limit = int(env_of(objects)["RUNAI_STREAMER_MEMORY_LIMIT"])
    assert 2**30 <= limit < gib(requests(objects)["memory"]) * 2**30 <= allocatable_gib(G2_12.memory_gib) * 2**30
    assert "RUNAI_STREAMER_MEMORY_LIMIT" not in env_of(objects_of(an_intent(storage=BUCKET), weights_gib=60))


def test_an_old_server_reads_a_mounted_bucket():
    objects = objects_of(an_intent(storage=BUCKET), OLD)
    assert "--model=/data" in container_of(objects)["args"]
    assert "--served-model-name=openai/gpt-oss-120b" in container_of(objects)["args"]
    csi = volume(objects, "model-weights")["csi"]
    assert csi["driver"] == "gcsfuse.csi.storage.gke.io"
    assert csi["volumeAttributes"]["bucketName"] == "acme-models"
    assert "only-dir:gpt-oss-120b" in csi["volumeAttributes"]["mountOptions"].split(",")
    assert {"name": "model-weights", "mountPath": "/data", "readOnly": True} in container_of(objects)["volumeMounts"]
    notes = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert notes["gke-gcsfuse/volumes"] == "true"


def test_a_bucket_without_a_folder_is_mounted_whole():
    objects = objects_of(an_intent(storage={"bucket": {"uri": "gs://acme-models"}}), OLD)
    assert "only-dir" not in volume(objects, "model-weights")["csi"]["volumeAttributes"]["mountOptions"]


def test_a_mounted_model_too_big_for_the_disk_is_cached_in_memory_that_the_sidecar_requests():
    objects = objects_of(an_intent(storage=BUCKET), OLD, weights_gib=200)
    cache = volume(objects, "gke-gcsfuse-cache")["emptyDir"]
    notes = of_kind(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert cache["medium"] == "Memory"
    assert notes["gke-gcsfuse/memory-request"] == cache["sizeLimit"] == "210Gi"
    assert gib(requests(objects)["memory"]) + 210 <= allocatable_gib(A3_8G.memory_gib)
    assert volume(objects_of(an_intent(storage=BUCKET), OLD), "gke-gcsfuse-cache") is None


def test_start_up_has_the_time_that_loading_takes():
    def limit(weights, **storage):
        probe = container_of(objects_of(an_intent(**storage), weights_gib=weights))["startupProbe"]
        return probe["periodSeconds"] * probe["failureThreshold"]

    assert limit(10) < limit(100) < limit(600)
    assert limit(600, storage=BUCKET) < limit(600)


def test_the_rollout_has_time_for_a_node_an_image_and_the_start():
    objects = objects_of(weights_gib=600)
    probe = container_of(objects)["startupProbe"]
    assert of_kind(objects, "Deployment")["spec"]["progressDeadlineSeconds"] > probe["periodSeconds"] * probe["failureThreshold"] + 2100


def test_a_whole_machine_is_asked_for_as_googles_own_manifests_do():
    asked = requests(objects_of())
    assert (asked["cpu"], asked["memory"], asked["nvidia.com/gpu"]) == ("146", "1311Gi", "8")
    container = container_of(objects_of())
    assert container["resources"]["limits"] == container["resources"]["requests"]


def test_replicas_that_share_a_machine_fit_it_together():
    shared = a_recommendation(count=2, parallelism="tp2", machine="g2-standard-96", accelerator="nvidia-l4")
    objects = objects_of(recommendation=shared, machine=G2_96, weights_gib=20)
    assert pod_of(objects)["nodeSelector"]["cloud.google.com/gke-accelerator-count"] == "8"
    assert 4 * int(requests(objects)["cpu"]) < G2_96.vcpu
    assert 4 * gib(requests(objects)["memory"]) < allocatable_gib(G2_96.memory_gib)


def test_a_replica_with_a_machine_of_its_own_needs_no_count():
    assert "cloud.google.com/gke-accelerator-count" not in pod_of(objects_of())["nodeSelector"]


def test_a_machine_with_too_few_accelerators_is_refused():
    with pytest.raises(ManifestError) as caught:
        objects_of(machine=A3_1G)
    assert caught.value.code == "GIQ1408"


def test_a_machine_with_too_little_memory_is_refused():
    with pytest.raises(ManifestError) as caught:
        objects_of(an_intent(storage=BUCKET), L4_1, machine=MachineFacts("tiny-1g", 4, 12, 1, None, 24), weights_gib=60)
    assert caught.value.code == "GIQ1408"
