"""What is not as it should be gets a clear answer (code, place, remedy, exit code), and nothing is changed; no traceback, no hanging."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from engine_house import House, quickstart, writes

from giqplan.errors import Exit


@pytest.fixture(scope="module")
def shared(_applied_once: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The quickstart, applied, for tests that change nothing; what they write into the folder they take away again."""
    house = _applied_once.copy_to(tmp_path_factory.mktemp("bad") / "house")
    house.start()
    house.set("autoscaling.maxReplicas", 4)
    assert house.cli("plan", "-o", str(house.folder / "good.json"))[0] == 0
    yield house
    house.stop()


@pytest.fixture
def one(shared: House) -> Iterator[House]:
    intent, files = shared.file.read_bytes(), set(shared.folder.iterdir())
    yield shared
    shared.file.write_bytes(intent)
    for path in set(shared.folder.iterdir()) - files:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def everything(house: House) -> dict[str, bytes]:
    """All files of state and journal."""
    (kept,) = (house.folder / ".giqplan").glob("sandbox-*/default")
    return {path.name: path.read_bytes() for path in kept.iterdir() if path.name != "lock"}


def refused(house: House, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and errors of a whole command line that must change nothing and must not hang."""
    before, told = everything(house), []
    asked = house.requests(lambda: told.append(house.run(*words, "--sandbox", "--format", "json")))
    code, _, err = told[0]
    assert writes(asked) == []
    assert everything(house) == before
    assert "Traceback" not in err
    errors: list[dict[str, Any]] = json.loads(err)["errors"]
    assert all(error["code"] != "GIQ0199" and error["detail"] and error["remedy"] for error in errors), errors
    return code, errors


# -- plan files


def cut(good: bytes) -> bytes:
    return good[: len(good) // 2]


PLANS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda good: b"", "GIQ1605"),
    "cut off": (cut, "GIQ1605"),
    "two of them": (lambda good: good + good, "GIQ1605"),
    "text after it": (lambda good: good + b"x", "GIQ1605"),
    "terraform's": (lambda good: b'{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{}}', "GIQ1605"),
    "30 MB of one word": (
        lambda good: b'{"applyable":true,"format_version":"1.2","resource_changes":"' + b"a" * 30_000_000 + b'"}',
        "GIQ1607",
    ),
    "a number without end": (lambda good: b'{"applyable":' + b"9" * 100_000 + b',"format_version":"1.2"}', "GIQ1605"),
    "no number": (lambda good: good.replace(b'"errored":false', b'"errored":NaN'), "GIQ1607"),
    "a key twice": (lambda good: good[:-2] + b',"applyable":false}\n', "GIQ1607"),
    "bytes that are no text": (lambda good: good.replace(b'"quickstart"', b'"quick\xff"'), "GIQ1605"),
    "half a surrogate": (lambda good: good.replace(b'"quickstart"', b'"\\ud800"'), "GIQ1607"),
    "of a later format": (lambda good: good.replace(b'"format_version":"1.2"', b'"format_version":"2.0"'), "GIQ1606"),
}


@pytest.mark.parametrize("what", PLANS)
@pytest.mark.parametrize("command", ["apply", "show"])
def test_a_damaged_plan_file_is_refused_with_its_place(one: House, what: str, command: str) -> None:
    damage, wanted = PLANS[what]
    file = one.folder / "bad.json"
    file.write_bytes(damage((one.folder / "good.json").read_bytes()))
    code, (error,) = refused(one, command, str(file))
    assert (code, error["code"], error["place"]["file"]) == (Exit.ERROR, wanted, str(file))


def test_a_plan_with_a_byte_order_mark_is_a_plan(one: House) -> None:
    file = one.folder / "marked.json"
    file.write_bytes(b"\xef\xbb\xbf" + (one.folder / "good.json").read_bytes())
    assert one.run("show", str(file), "--summary")[0] == 0


@pytest.mark.parametrize("command", ["apply", "show"])
def test_a_pipe_is_no_plan_file_and_nobody_waits_for_it(one: House, command: str) -> None:
    os.mkfifo(one.folder / "pipe")
    code, (error,) = refused(one, command, str(one.folder / "pipe"))
    assert (code, error["code"]) == (Exit.ERROR, "GIQ1605")


@pytest.mark.parametrize(("name", "code"), [("folder", "GIQ1020"), ("nowhere.json", "GIQ1010"), ("dangling.json", "GIQ1010")])
def test_what_is_named_as_a_plan_and_is_no_file(one: House, name: str, code: str) -> None:
    (one.folder / "folder").mkdir()
    (one.folder / "dangling.json").symlink_to("nothing")
    found, (error,) = refused(one, "apply", str(one.folder / name))
    assert (found, error["code"]) == (Exit.ERROR, code)
    assert name == "folder" or "plan -o" in error["remedy"]


@pytest.mark.parametrize("flags", [(), ("--sandbox",)], ids=["Google Cloud", "the sandbox"])
def test_an_offline_plan_is_refused_before_anybody_is_asked(one: House, flags: tuple[str, ...]) -> None:
    file = one.folder / "offline.json"
    assert one.run("plan", str(one.file), "--offline", "-o", str(file))[0] == 0
    code, _, err = one.run("apply", str(file), *flags)
    assert (code, "GIQ1603" in err, "GIQ1901" in err) == (Exit.ERROR, True, False)


# -- what was never there


def test_destroying_nothing_leaves_no_state_behind(house: Callable[..., House]) -> None:
    empty = house()
    code, out, _ = empty.cli("destroy", "--auto-approve")
    assert (code, "Nothing that giqplan made" in out) == (0, True)
    assert empty.store.load() is None


# -- intents, on the whole way


def edited(house: House, text: str | bytes) -> None:
    house.file.write_bytes(text if isinstance(text, bytes) else text.encode())


def with_value(path: str, value: Any) -> Callable[[dict[str, Any]], str]:
    def change(intent: dict[str, Any]) -> str:
        *parents, last = path.split(".")
        inner = intent
        for part in parents:
            inner = inner.setdefault(part, {})
        inner[last] = value
        return yaml.safe_dump(intent, sort_keys=False)

    return change


BOMB = "a: &a [x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20))
INTENTS: dict[str, tuple[Callable[[dict[str, Any]], str | bytes], str, str]] = {
    "broken": (lambda intent: "spec: {model: [", "GIQ1001", ""),
    "empty": (lambda intent: "", "GIQ1002", "giqplan init"),
    "10 MB": (lambda intent: "# " + "x" * 10_000_000, "GIQ1003", ""),
    "binary": (lambda intent: bytes(range(256)), "GIQ1004", "UTF-8"),
    "UTF-16": (lambda intent: yaml.safe_dump(intent).encode("utf-16"), "GIQ1004", "UTF-8"),
    "recursive": (lambda intent: "a: &a\n  b: *a\n", "GIQ1007", ""),
    "a billion laughs": (lambda intent: BOMB, "GIQ1007", ""),
    "endlessly nested": (lambda intent: "a: " + "{b: " * 100_000, "GIQ1006", ""),
    "nested by indent": (lambda intent: "".join(" " * n + "a:\n" for n in range(900)), "GIQ1006", ""),
    "unknown key": (with_value("spec.autoscaling.maxReplica", 3), "GIQ1016", "did you mean maxReplicas?"),
    "unknown model": (with_value("spec.model.id", "openai/gpt-oss-12b"), "GIQ1320", "did you mean openai/gpt-oss-120b"),
    "unknown accelerator": (with_value("spec.accelerator.types", ["nvidia-h100-80g"]), "GIQ1205", "did you mean nvidia-h100-80gb?"),
    "unknown use case": (with_value("spec.workload", {"useCase": "Chatbt"}), "GIQ1203", "did you mean Chatbot?"),
    "lengths far from any curve": (with_value("spec.workload.inputTokens", 900_000), "GIQ1302", ""),
    "lengths of nobody": (with_value("spec.workload.inputTokens", 10**30), "GIQ1302", ""),
    "no length": (with_value("spec.workload.inputTokens", 0), "GIQ1018", ""),
    "a price below all": (with_value("spec.cost.maxUsdPerHour", 0.000001), "GIQ1302", ""),
    "a name too long": (with_value("metadata.name", "n" * 64), "GIQ1018", ""),
    "a project that is none": (with_value("spec.target.project", "My Project"), "GIQ1018", ""),
    "a region that is none": (with_value("spec.target.location", "mars-west1"), "", ""),
}


@pytest.mark.parametrize("what", INTENTS)
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_wrong_intent_is_refused_with_its_place(one: House, what: str, command: str) -> None:
    change, wanted, remedy = INTENTS[what]
    edited(one, change(json.loads(json.dumps(one.intent))))
    code, errors = refused(one, command, str(one.file), *(["--auto-approve"] if command == "apply" else []))
    assert code in (Exit.ERROR, Exit.BLOCKED), errors
    found = [error for error in errors if error["code"] == wanted or not wanted]
    assert found, errors
    assert remedy in found[0]["remedy"], found
    assert found[0]["place"] and found[0]["place"]["file"] == str(one.file), found


# -- a cluster that is there with other settings


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        ({"autopilot": False}, "is a Standard cluster"),
        ({"location": "us-east4"}, "spec.target.location to us-east4"),
        ({"location": "us-central1-a", "autopilot": False}, "spec.target.location to us-central1-a"),
        ({"name": "another"}, "us-central1/another"),
    ],
    ids=["Standard instead of Autopilot", "another region", "a zone instead of its region", "another name"],
)
def test_a_cluster_that_does_not_fit_blocks_and_is_not_touched(house: Callable[..., House], cluster: dict[str, Any], told: str) -> None:
    intent, world = quickstart()
    world["apis"] += ["container.googleapis.com", "compute.googleapis.com"]
    world["clusters"] = [{"name": "inference", "location": "us-central1", **cluster}]
    intent["spec"]["target"]["cluster"]["create"] = False
    one = house(intent, world)
    said: list[tuple[int, str, str]] = []
    asked = one.requests(lambda: said.append(one.cli("apply", "--auto-approve")))
    code, out, _ = said[0]
    assert (code, writes(asked)) == (Exit.BLOCKED, [])
    assert "fail    GIQ1503" in out
    assert told in " ".join(out.split())
    assert one.store.load() is None


# -- a state that is not what it should be


def with_key(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda state: json.dumps(json.loads(state) | changes).encode()


def unknown_type(state: bytes) -> bytes:
    body = json.loads(state)
    body["resources"][0]["address"] = "kubernetes_servlet.inference/quickstart"
    return json.dumps(body).encode()


def member_without_its_role(state: bytes) -> bytes:
    body = json.loads(state)
    member = next(r for r in body["resources"] if r["address"].startswith("google_storage_bucket_iam_member."))
    del member["applied"]["role"]
    return json.dumps(body).encode()


def a_resource_twice(state: bytes) -> bytes:
    body = json.loads(state)
    body["resources"].append(body["resources"][0])
    return json.dumps(body).encode()


STATES: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "empty": (lambda state: b"", "GIQ1801", ""),
    "truncated": (cut, "GIQ1802", ""),
    "no text": (lambda state: b"\xff\xfe" + state, "GIQ1802", ""),
    "endlessly nested": (lambda state: b"[" * 200_000, "GIQ1802", ""),
    "a number without end": (lambda state: b'{"format_version": ' + b"9" * 100_000 + b"}", "GIQ1802", ""),
    "half a character": (lambda state: state.replace(b'"quickstart"', b'"\\ud800"', 1), "GIQ18", ""),
    "of a later giqplan": (with_key(format_version=99), "GIQ1803", ""),
    "of another project": (with_key(project="others"), "GIQ1807", "others"),
    "of another world": (with_key(world="gcp"), "GIQ1807", "gcp"),
    "of another environment": (with_key(environment="prod"), "GIQ1807", "prod"),
    "of another cluster": (with_key(cluster="projects/my-project/locations/us-east4/clusters/x"), "GIQ1807", "us-east4"),
    "of a cluster that was made anew": (with_key(cluster_uid="another"), "GIQ1807", "made anew"),
    "a resource of an unknown type": (unknown_type, "GIQ1615", "kubernetes_servlet"),
    "a member without its role": (member_without_its_role, "GIQ1802", "has no role"),
    "a resource twice": (a_resource_twice, "GIQ1802", "twice"),
}
#: Commands that ask the world can see that the cluster is another one; ``show`` reads the state alone.
BY_THE_WORLD = (
    "of another cluster",
    "of a cluster that was made anew",
    "a resource of an unknown type",
    "half a character",
    "a member without its role",
)


@pytest.mark.parametrize("what", STATES)
@pytest.mark.parametrize(
    "words", [("plan",), ("apply", "--auto-approve"), ("destroy", "--auto-approve"), ("drift",), ("show",)], ids=" ".join
)
def test_a_state_that_is_not_ours_or_broken_stops_every_command(one: House, what: str, words: tuple[str, ...]) -> None:
    if words == ("show",) and what in BY_THE_WORLD:
        return
    damage, wanted, told = STATES[what]
    (path,) = (one.folder / ".giqplan").glob("sandbox-*/default/state.json")
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert path.read_bytes() != good
    try:
        code, (error,) = refused(one, words[0], str(one.file), *words[1:])
    finally:
        path.write_bytes(good)
    assert code == Exit.ERROR
    assert error["code"].startswith(wanted), error
    assert told in error["detail"]
