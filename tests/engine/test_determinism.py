"""The same intent, catalog and world give the same bytes of a plan file, whatever day it is and wherever and however giqplan runs."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine_house import House, quickstart
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.catalog import open_catalog
from giqplan.engine.inputs import Inputs
from giqplan.engine.planner import make_plan
from giqplan.intent import load_intent
from giqplan.render.json import plan_json
from giqplan.sandbox import control
from giqplan.sandbox.faults import Fault
from giqplan.units import canonical_json

ROOT = Path(__file__).resolve().parents[2]
YEAR = 366 * 24 * 3600

#: A module that Python imports at its start: every clock of the process is as many seconds ahead as LATER_BY says.
LATER = """
import datetime, os, time
later = float(os.environ["LATER_BY"])
def shifted(clock, by):
    return lambda *given: clock(*given) + by
time.time, time.time_ns = shifted(time.time, later), shifted(time.time_ns, int(later * 10**9))
local, world = time.localtime, time.gmtime
time.localtime = lambda at=None: local(time.time() if at is None else at)
time.gmtime = lambda at=None: world(time.time() if at is None else at)
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
    @classmethod
    def utcnow(cls):
        return cls.now(datetime.UTC).replace(tzinfo=None)
class LaterDay(datetime.date):
    @classmethod
    def today(cls):
        return cls.fromtimestamp(time.time())
datetime.datetime, datetime.date = Later, LaterDay
"""


@dataclass(frozen=True)
class Way:
    """How a process is started."""

    env: Mapping[str, str] = field(default_factory=dict)
    python: tuple[str, ...] = ()
    umask: int = 0o022
    days_later: float = 0


WAYS = {
    "another hash seed": Way({"PYTHONHASHSEED": "1"}),
    "yet another hash seed, optimised": Way({"PYTHONHASHSEED": "4242"}, ("-O",)),
    "far east, narrow, private": Way({"TZ": "Pacific/Kiritimati", "COLUMNS": "30"}, umask=0o077),
    "far west, wide, without docstrings": Way({"TZ": "Etc/GMT+12", "COLUMNS": "400"}, ("-OO",)),
    "plain C, ASCII only": Way({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LANG": "C"}),
    "a language that nobody installed": Way({"LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "tr"}),
    "a year later": Way(days_later=366),
    "years ago": Way(days_later=-20 * 366),
    "no home, no terminal, no user": Way({"HOME": "/nonexistent", "TERM": "dumb", "USER": ""}),
}


def run(folder: Path, way: Way, *words: str, name: str = "plan.json") -> bytes:
    """The plan file that a process of its own writes."""
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, **way.env}
    if way.days_later:
        later = folder.parent / "later"
        later.mkdir(exist_ok=True)
        (later / "sitecustomize.py").write_text(LATER)
        path, env = [str(later), *path], {**env, "LATER_BY": str(way.days_later * 24 * 3600)}
    env["PYTHONPATH"] = os.pathsep.join(path)
    command = [sys.executable, *way.python, "-m", "giqplan", "plan", "-o", name, *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, errors="replace", check=False, umask=way.umask)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return (folder / name).read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an intent that says something in another alphabet."""
    made = tmp_path / "house"
    made.mkdir()
    intent, _ = quickstart()
    intent["spec"]["serving"]["env"] = {"GREETING": "grüß Gott, İstanbul"}
    (made / "inference.yaml").write_text(yaml.safe_dump(intent, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return made


@pytest.fixture
def offline(folder: Path) -> bytes:
    return run(folder, Way({"PYTHONHASHSEED": "0"}), "--offline")


@pytest.mark.parametrize("way", WAYS)
def test_an_offline_plan_is_the_same_however_giqplan_runs(folder: Path, offline: bytes, way: str) -> None:
    assert run(folder, WAYS[way], "--offline", name="again.json") == offline


def test_the_later_day_of_these_tests_is_one(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LATER)
    program = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), datetime.date.today().year)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "LATER_BY": str(10 * YEAR)}
    told = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout.split()
    here = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert all(
        float(later) - float(now) > 9 * (1 if index == 2 else YEAR) for index, (later, now) in enumerate(zip(told, here, strict=True))
    )


def test_an_offline_plan_is_the_same_wherever_the_folder_is_and_however_old(folder: Path, offline: bytes, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a folder" / "in Zürich ☃ 'quoted'"
    shutil.copytree(folder, elsewhere)
    os.utime(elsewhere / "inference.yaml", (1, 1))
    (elsewhere / "plan.json").unlink()
    (elsewhere / "notes.txt").write_text("something else")
    assert run(elsewhere, Way(), "--offline") == offline
    link = tmp_path / "link"
    link.symlink_to(elsewhere)
    assert run(link, Way(), str(link / "inference.yaml"), "--offline") == offline
    assert run(tmp_path, Way(), "-f", str(elsewhere / "inference.yaml"), "--offline") == offline


# -- the order in which things are written


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same value with the keys of every mapping in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(inner, chance)) for key, inner in value.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(inner, chance) for inner in value] if isinstance(value, list) else value


def offline_bytes(file: Path, environment: str | None = None) -> str:
    return canonical_json(plan_json(make_plan(Inputs({file.name: load_intent(file, environment)}, open_catalog(), "gcp", None, None)).plan))


@settings(max_examples=12, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([None, "staging", "prod"]), st.booleans())
def test_neither_the_order_of_keys_nor_comments_nor_layout_matter(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, environment: str | None, flow: bool
) -> None:
    written = (ROOT / "examples" / "quickstart" / "inference.yaml").read_text(encoding="utf-8")
    file = tmp_path_factory.mktemp("keys") / "inference.yaml"
    file.write_text(written, encoding="utf-8")
    expected = offline_bytes(file, environment)
    text = yaml.safe_dump(shuffled(yaml.safe_load(written), chance), sort_keys=False, default_flow_style=flow)
    lines = [line + chance.choice(["", "  # a comment", "\n"]) for line in text.splitlines()] if not flow else [text]
    file.write_text("# first\n" + "\n".join(lines) + "\n\n", encoding="utf-8")
    assert offline_bytes(file, environment) == expected


def test_a_folders_plan_does_not_depend_on_the_order_of_its_files(tmp_path: Path) -> None:
    intent, _ = quickstart()
    texts = {}
    for name in ("alpha", "beta", "gamma"):
        texts[f"{name}.yaml"] = yaml.safe_dump({**intent, "metadata": {"name": name}})
    found = []
    for order in (sorted(texts), sorted(texts, reverse=True)):
        folder = tmp_path / f"order{len(found)}"
        folder.mkdir()
        for name in order:
            (folder / name).write_text(texts[name])
        found.append(run(tmp_path, Way({"PYTHONHASHSEED": str(len(found))}), str(folder), "--offline"))
    assert found[0] == found[1]


# -- nothing of the core has a clock or a die


@pytest.fixture
def no_clock_no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime
    import secrets
    import time
    import uuid

    def refuse(*given: object, **named: object) -> Any:
        raise AssertionError("the core asked for the time, or for chance")

    class NoClock(datetime.datetime):
        now = today = utcnow = classmethod(refuse)

    for module, names in (
        (time, ("time", "time_ns", "localtime", "gmtime", "monotonic", "perf_counter")),
        (random, ("random", "randint", "choice", "shuffle", "uniform")),
        (secrets, ("token_hex", "token_bytes", "token_urlsafe", "choice")),
        (uuid, ("uuid1", "uuid4")),
        (os, ("urandom",)),
        (datetime, ()),
    ):
        for name in names:
            monkeypatch.setattr(module, name, refuse)
    monkeypatch.setattr(datetime, "datetime", NoClock)


def test_an_offline_plan_asks_for_neither_time_nor_chance(folder: Path, no_clock_no_chance: None) -> None:
    assert '"offline":true' in offline_bytes(folder / "inference.yaml")


# -- in a world


@pytest.fixture
def twins(_applied_once: House, tmp_path: Path) -> Iterator[Callable[[bool], tuple[House, House]]]:
    """Two copies of one world in two folders, before or after the intent was applied; both have a change to plan."""
    made: list[House] = []

    def make(was_applied: bool) -> tuple[House, House]:
        origin = _applied_once
        if not was_applied:
            origin = House(tmp_path / "origin")
            origin.start()
            origin.stop()
        made.extend((origin.copy_to(tmp_path / "one"), origin.copy_to(tmp_path / "another, ☃")))
        for house in made:
            house.start()
            house.set("autoscaling.maxReplicas", 4)
        return made[0], made[1]

    yield make
    for house in made:
        house.stop()


@pytest.mark.parametrize("was_applied", [False, True], ids=["nothing is there", "applied"])
def test_a_plan_is_the_same_in_copies_of_a_world(twins: Callable[[bool], tuple[House, House]], was_applied: bool) -> None:
    one, other = twins(was_applied)
    first = run(one.folder, Way({"PYTHONHASHSEED": "0"}), "--sandbox")
    actions = {tuple(change["change"]["actions"]) for change in json.loads(first)["resource_changes"]}
    assert actions == {("update",), ("no-op",)} if was_applied else {("create",), ("no-op",)}
    way = Way({"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}, ("-O",), 0o077, days_later=400)
    assert run(other.folder, way, "--sandbox") == first
    # the world lives on, and its answers come in another order
    other.advance(3 * 24 * 3600)
    for number, path in enumerate(("*deployments*", "*namespaces*", "*horizontalpodautoscalers*", "*/services*", "*getIamPolicy*")):
        control.add_fault(other.sandbox, Fault(path=path, delay_ms=20 + 60 * (number % 3)))
    assert run(other.folder, Way({"PYTHONHASHSEED": "9"}), "--sandbox") == first
    other.restart()
    control.set_latency(other.sandbox, 5)
    assert run(other.folder, Way(), "--sandbox") == first
