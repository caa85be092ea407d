"""world.yaml: strict, and every mistake is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from giqplan.errors import ErrorList, SandboxError
from giqplan.sandbox.world import OWNER, empty_world, load_world

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart" / "world.yaml"


def load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "world.yaml"
    path.write_text(text, encoding="utf-8")
    return load_world(path)


def test_the_quickstarts_world_is_valid() -> None:
    world = load_world(QUICKSTART)
    assert [p.id for p in world.projects] == ["my-project", "my-prod-project"]
    assert {c.name for c in world.callers} == {"owner", "planner", "nobody"}
    (bucket,) = world.projects[0].buckets
    assert sum(size for name, size in bucket.objects if name.endswith(".safetensors")) == 65_248_815_744


def test_without_a_file_there_is_the_project_and_its_owner() -> None:
    world = empty_world("mine")
    assert world.projects[0].id == "mine" and world.projects[0].apis == () and world.callers == (OWNER,)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "empty"),
        ("project: [\n", 2, "expected"),
        ("callers: {}\n", 1, "project is missing"),
        ("project: {id: p-12345}\nbukets: []\n", 2, "did you mean 'buckets'"),
        ("project: {id: P}\n", 1, "does not have the form"),
        ("project: {id: p-12345}\nproject: {id: p-12345}\n", 2, "stands here twice"),
        ("project: {id: p-12345}\nquotas:\n  - {quota: NONE-SUCH, limit: 1}\n", 3, "no such quota"),
        ("project: {id: p-12345}\nquotas:\n  - quota: GPUS-ALL-REGIONS-per-project\n    limit: many\n", 4, "whole number"),
        (
            "project: {id: p-12345}\nquotas:\n  - quota: GPUS-ALL-REGIONS-per-project\n    dimensions: {region: x}\n    limit: 1\n",
            4,
            "unknown key 'region'",
        ),
        (
            "project: {id: p-12345}\ncallers:\n  a:\n    member: user:a@b.c\n    roles:\n    - roles/none\n",
            6,
            "does not know what roles/none grants",
        ),
        ("project: {id: p-12345}\nbuckets:\n- name: bbb\n  location: us\n  objects:\n  - {name: x, size: -1}\n", 6, "size in bytes"),
        ("project: {id: p-12345}\nclusters:\n- name: c\n  location: us-central1\n  settings:\n    nosuch: 1\n", 5, 'Unknown name "nosuch"'),
        (
            "project: {id: p-12345}\nclusters:\n- name: c\n  location: us-central1\n  kubernetes:\n  - kind: Pod\n",
            6,
            "apiVersion, kind and metadata",
        ),
        ("project: {id: p-12345}\nclock: {speed: fast}\n", 2, "simulated seconds"),
    ],
)
def test_every_mistake_has_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(SandboxError, match=words) as wrong:
        load(tmp_path, text)
    assert wrong.value.place is not None and wrong.value.place.line == line
    assert wrong.value.code in ("GIQ2003", "GIQ2004")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ErrorList) as wrong:
        load(tmp_path, "project: {id: p-12345}\nx: 1\nclock: {speed: -1}\n")
    assert [e.place.line for e in wrong.value.errors if e.place] == [2, 3]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="No such file"):
        load_world(tmp_path / "none.yaml")
