"""GIQ1514: a big download from Hugging Face goes where it fits, unless the intent moves it elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from check_world import found, status
from engine_house import House

from giqplan.model.check import Check, CheckStatus

CODE = "GIQ1514"


@pytest.fixture
def fetched(house: Callable[..., House]) -> House:
    """The quickstart, its 120 GiB of weights from Hugging Face."""
    one = house()
    one.set("storage", {"huggingFace": {"tokenSecret": {"name": "hf-secret", "key": "hf_api_token"}}})
    one.set("model.weightsGiB", 120)
    return one


def one(house: House) -> Check:
    (check,) = found(house, CODE)
    return check


def test_weights_too_big_for_the_boot_disk_are_kept_in_memory(fetched: House) -> None:
    check = one(fetched)
    assert (check.status, check.summary) == (CheckStatus.PASS, "120.0 GiB of weights fit the Pod's memory")
    assert dict(check.evidence) == {
        "weights": "120.0 GiB",
        "kept at": "/dev/shm/hf_cache/hub",
        "which is": "memory",
        "room": "146 GiB (sizeLimit of /dev/shm)",
    }


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("HF_HUB_CACHE", "/root/models", "/root/models"),
        ("HUGGINGFACE_HUB_CACHE", "/var/cache/", "/var/cache"),
    ],
)
def test_a_download_moved_to_the_disk_fails_until_it_is_left_where_it_fits(fetched: House, name: str, value: str, place: str) -> None:
    fetched.set("serving.env", {name: value})
    check = one(fetched)
    assert check.status is CheckStatus.FAIL
    assert check.summary == f"120.0 GiB of weights do not fit {place}: the Pod would be evicted while it downloads"
    assert dict(check.evidence)["room"] == "10 GiB (limit of ephemeral-storage)"
    assert check.remedy == f"remove {name} from spec.serving.env: then the download goes where it fits"
    fetched.set("serving.env", {})
    assert status(fetched, CODE) == [CheckStatus.PASS]


def test_a_small_model_moved_into_memory_that_was_not_sized_for_it_fails(fetched: House) -> None:
    fetched.set("model.weightsGiB", 62)
    assert status(fetched, CODE) == []
    fetched.set("serving.env", {"HF_HUB_CACHE": "/dev/shm/models"})
    assert one(fetched).status is CheckStatus.FAIL
    fetched.set("serving.env", {"XDG_CACHE_HOME": "/var/cache"})
    assert (one(fetched).status, dict(one(fetched).evidence)["kept at"]) == (CheckStatus.PASS, "/var/cache/huggingface/hub")


def test_a_model_in_a_bucket_is_not_downloaded(house: Callable[..., House]) -> None:
    assert status(house(), CODE) == []
