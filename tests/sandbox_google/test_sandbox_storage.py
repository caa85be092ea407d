"""Cloud Storage over the wire, by google-cloud-storage."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions

BUCKET = "test-project-models"


@pytest.fixture(scope="module")
def client(sandbox: Any) -> Any:
    return sandbox.storage()


def test_a_bucket_says_where_it_lies(client: Any) -> None:
    bucket = client.get_bucket(BUCKET)
    assert (bucket.location, bucket.location_type, bucket.storage_class) == ("US-CENTRAL1", "region", "STANDARD")
    assert bucket.iam_configuration.uniform_bucket_level_access_enabled
    assert bucket.project_number == 424242424242
    assert BUCKET in [b.name for b in client.list_buckets()]


def test_objects_are_listed_under_a_prefix_with_their_sizes(client: Any) -> None:
    found = {blob.name: blob.size for blob in client.list_blobs(BUCKET, prefix="m/model")}
    assert found == {"m/model-00001.safetensors": 5_000_000_000, "m/model-00002.safetensors": 4_000_000_000}


def test_a_delimiter_folds_folders(client: Any) -> None:
    listing = client.list_blobs(BUCKET, prefix="m/", delimiter="/")
    assert [blob.name for blob in listing] == ["m/config.json", "m/model-00001.safetensors", "m/model-00002.safetensors"]
    assert set(listing.prefixes) == {"m/sub/"}


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pages_add_up_to_the_whole_list(client: Any, size: int) -> None:
    assert len(list(client.list_blobs(BUCKET, prefix="m/", page_size=size))) == 4
    folded = client.list_blobs(BUCKET, delimiter="/", page_size=size)
    assert [b.name for b in folded] == ["other.txt"] and set(folded.prefixes) == {"m/"}


def test_what_is_written_is_read_back(client: Any) -> None:
    blob = client.bucket(BUCKET).blob("new/note.json")
    blob.upload_from_string('{"a": 1}\n', content_type="application/json")
    assert client.bucket(BUCKET).blob("new/note.json").download_as_bytes() == b'{"a": 1}\n'
    assert client.get_bucket(BUCKET).get_blob("new/note.json").content_type == "application/json"
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_string("again", if_generation_match=0)
    blob.delete()
    assert client.get_bucket(BUCKET).get_blob("new/note.json") is None


def test_a_declared_object_has_zeros_for_content(client: Any) -> None:
    assert client.bucket(BUCKET).blob("m/model-00001.safetensors").download_as_bytes(start=0, end=7) == bytes(8)


def test_a_bucket_is_made_and_deleted(client: Any) -> None:
    client.create_bucket("test-project-scratch", location="us-east5").blob("x").upload_from_string("1")
    with pytest.raises(exceptions.Conflict, match="you already own it"):
        client.create_bucket("test-project-scratch")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        client.bucket("test-project-scratch").delete()
    client.bucket("test-project-scratch").delete(force=True)
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        client.get_bucket("test-project-scratch")


def test_a_policy_is_written_under_its_etag(client: Any) -> None:
    bucket = client.bucket(BUCKET)
    first, second = (bucket.get_iam_policy(requested_policy_version=3) for _ in range(2))
    first.bindings.append({"role": "roles/storage.objectViewer", "members": {"user:a@example.com"}})
    bucket.set_iam_policy(first)
    second.bindings.append({"role": "roles/storage.objectViewer", "members": {"user:b@example.com"}})
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.set_iam_policy(second)
    members = {b["role"]: set(b["members"]) for b in bucket.get_iam_policy(requested_policy_version=3).bindings}
    assert members["roles/storage.objectViewer"] == {"user:a@example.com"}
    assert "projectOwner:test-project" in members["roles/storage.legacyBucketOwner"], "every new bucket has these"


def test_conditions_need_policy_version_3(client: Any) -> None:
    bucket = client.bucket(BUCKET)
    condition = {"title": "prefix", "expression": 'resource.name.startsWith("projects/_/buckets/x/objects/y/")'}
    policy = bucket.get_iam_policy(requested_policy_version=3)
    before = list(policy.bindings)
    policy.bindings.append({"role": "roles/storage.objectUser", "members": {"user:c@example.com"}, "condition": condition})
    policy.version = 1
    with pytest.raises(exceptions.BadRequest, match="version 3"):
        bucket.set_iam_policy(policy)
    policy.version = 3
    assert bucket.set_iam_policy(policy).version == 3
    shown = bucket.get_iam_policy(requested_policy_version=1)
    assert any(b["role"].startswith("roles/storage.objectUser_withcond_") for b in shown.bindings)
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings = before
    bucket.set_iam_policy(policy)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("nonsense", "unknown type"),
        (
            "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/none.svc.id.goog/subject/x",
            "Identity Pool does not exist",
        ),
    ],
)
def test_members_that_cannot_be(client: Any, member: str, words: str) -> None:
    policy = client.bucket(BUCKET).get_iam_policy(requested_policy_version=3)
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": {member}})
    with pytest.raises(exceptions.BadRequest, match=words):
        client.bucket(BUCKET).set_iam_policy(policy)


def test_permissions_are_tested_and_enforced(sandbox: Any, client: Any) -> None:
    asked = ["storage.buckets.get", "storage.objects.get"]
    assert client.bucket(BUCKET).test_iam_permissions(asked) == asked
    assert sandbox.storage("nobody").bucket(BUCKET).test_iam_permissions(asked) == []
    with pytest.raises(exceptions.Forbidden, match=r"nobody@example\.com does not have storage\.buckets\.get access"):
        sandbox.storage("nobody").get_bucket(BUCKET)
    with pytest.raises(exceptions.Forbidden, match=r"storage\.objects\.list"):
        list(sandbox.storage("planner").list_blobs(BUCKET))
