"""GIQ1509: config.json and whole weights lie at exactly the path that the intent names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from check_world import found, status
from engine_house import House, quickstart

from giqplan.checks.bucket import _missing_shards
from giqplan.model.check import Check, CheckStatus
from giqplan.units import GIB

CODE, BUCKET, FOLDER = "GIQ1509", "my-project-models", "gpt-oss-120b"
SHARD_BYTES = 4349921049

Make = Callable[..., House]


def with_objects(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> dict[str, Any]:
    """The quickstart's world with other objects in its bucket."""
    _, world = quickstart()
    world["buckets"][0]["objects"] = change(world["buckets"][0]["objects"])
    return world


def without(*endings: str) -> dict[str, Any]:
    return with_objects(lambda objects: [o for o in objects if not o["name"].endswith(endings)])


def moved(old: str, new: str) -> dict[str, Any]:
    return with_objects(lambda objects: [{**o, "name": o["name"].replace(old, new)} for o in objects])


def put(house: House, name: str, content: str = "{}") -> None:
    """As gcloud storage cp does. The sandbox takes small files only."""
    house.google("POST", f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}", {"content": content})


def one(house: House, caller: str = "owner") -> Check:
    (check,) = found(house, CODE, caller)
    return check


def test_what_the_quickstart_holds_passes_with_numbers(house: Make) -> None:
    check = one(house())
    assert (check.status, check.summary) == (CheckStatus.PASS, f"gs://{BUCKET}/{FOLDER}/ holds the whole model")
    assert dict(check.evidence) == {"weights": "60.8 GiB in 15 files", "expected": "62.7 GiB"}


def test_without_config_json_it_fails_until_it_is_copied(house: Make) -> None:
    place = house(world=without("/config.json"))
    check = one(place)
    assert (check.status, dict(check.evidence)["missing"]) == (CheckStatus.FAIL, "config.json")
    put(place, f"{FOLDER}/config.json")
    assert status(place, CODE) == [CheckStatus.PASS]


@pytest.mark.parametrize("slashes", ["", "/"])
def test_a_folder_whose_name_only_begins_alike_does_not_count(house: Make, slashes: str) -> None:
    place = house(world=moved(f"{FOLDER}/", f"{FOLDER}-old/"))
    place.set("storage.bucket.uri", f"gs://{BUCKET}/{FOLDER}{slashes}")
    check = one(place)
    assert (check.status, dict(check.evidence)["there"]) == (CheckStatus.FAIL, "nothing")
    place.set("storage.bucket.uri", f"gs://{BUCKET}/{FOLDER}-old{slashes}")
    assert status(place, CODE) == [CheckStatus.PASS]


def test_a_folder_too_high_is_told_what_lies_below_it(house: Make) -> None:
    place = house()
    place.set("storage.bucket.uri", f"gs://{BUCKET}")
    check = one(place)
    assert (check.status, dict(check.evidence)["folders there"]) == (CheckStatus.FAIL, f"{FOLDER}/")
    place.set("storage.bucket.uri", f"gs://{BUCKET}/{FOLDER}")
    assert status(place, CODE) == [CheckStatus.PASS]


def test_the_bucket_itself_may_be_the_folder(house: Make) -> None:
    place = house(world=moved(f"{FOLDER}/", ""))
    place.set("storage.bucket.uri", f"gs://{BUCKET}/")
    assert status(place, CODE) == [CheckStatus.PASS]


def test_missing_shards_are_named(house: Make) -> None:
    check = one(house(world=without("model-00003-of-00014.safetensors", "model-00007-of-00014.safetensors")))
    assert (check.status, check.summary) == (CheckStatus.FAIL, "2 of the weights' files are missing")
    assert dict(check.evidence)["missing"] == "model-00003-of-00014.safetensors, model-00007-of-00014.safetensors"
    assert "gcloud storage cp" in check.remedy


def test_an_empty_shard_fails(house: Make) -> None:
    def emptied(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**o, "size": 0} if "00003" in o["name"] else o for o in objects]

    check = one(house(world=with_objects(emptied)))
    assert (check.status, dict(check.evidence)["empty"]) == (CheckStatus.FAIL, "model-00003-of-00014.safetensors")


def test_weights_far_smaller_than_the_model_are_doubted_until_the_intent_says_so(house: Make) -> None:
    def halved(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**o, "size": o["size"] // 2} if o["size"] > GIB else o for o in objects]

    place = house(world=with_objects(halved))
    check = one(place)
    assert (check.status, dict(check.evidence)) == (
        CheckStatus.WARN,
        {"weights": "30.4 GiB in 15 files", "expected": "62.7 GiB"},
    )
    place.set("model.weightsGiB", 31)
    assert status(place, CODE) == [CheckStatus.PASS]


def test_the_streamer_reads_nothing_but_safetensors(house: Make) -> None:
    check = one(house(world=moved(".safetensors", ".bin")))
    assert (check.status, dict(check.evidence)["missing"]) == (CheckStatus.FAIL, "weights (*.safetensors)")
    assert check.remedy == "convert the weights to safetensors: the streamer reads nothing else"


def test_from_a_mount_an_older_server_reads_pytorch_files_too(house: Make) -> None:
    world = with_objects(lambda _: [{"name": "llama/config.json", "size": 900}, {"name": "llama/pytorch_model.bin", "size": 15 * GIB}])
    place = house(world=world)
    del place.intent["spec"]["slo"]
    place.set("model.id", "meta-llama/Llama-3.1-8B-Instruct")
    place.set("serving.version", "0.11.0")
    place.set("workload", {"inputTokens": 204, "outputTokens": 62})
    place.set("accelerator.count", 1)
    place.set("cost.pricingModel", "spot")
    place.set("storage.bucket.uri", f"gs://{BUCKET}/llama")
    assert status(place, CODE) == [CheckStatus.PASS]


def test_who_may_not_list_learns_nothing_and_what_to_be_granted(house: Make) -> None:
    check = one(house(), "nobody")
    assert (check.status, check.remedy) == (CheckStatus.UNKNOWN, f"grant the caller roles/storage.objectViewer on gs://{BUCKET}")


def test_a_bucket_that_is_not_there_fails_until_it_is(house: Make) -> None:
    place = house()
    place.set("storage.bucket.uri", "gs://no-such-bucket/model")
    assert (one(place).status, one(place).summary) == (CheckStatus.FAIL, "there is no bucket no-such-bucket")
    place.google("POST", "/storage/v1/b?project=my-project", {"name": "no-such-bucket", "location": "us-central1"})
    assert one(place).summary == "gs://no-such-bucket/model/ lacks config.json and weights (*.safetensors)"


@pytest.mark.parametrize(
    ("there", "gone"),
    [
        ([1, 2, 3], []),
        ([0, 1, 2], []),
        ([0, 1, 2, 3], []),
        ([0, 2, 3], [1]),
        ([1, 2], [3]),
        ([2, 3], [1]),
    ],
)
def test_counting_begins_at_0_or_1(there: list[int], gone: list[int]) -> None:
    def names(numbers: list[int]) -> tuple[str, ...]:
        return tuple(f"model-{number:05}-of-00003.safetensors" for number in numbers)

    assert _missing_shards(names(there)) == names(gone)
