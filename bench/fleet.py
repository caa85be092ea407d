"""Plans of many objects: a folder of intents in one cluster, a world that can bear them all, and as many resources of terraform beside."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from measure import BenchError, Process, Row, beside, seconds, side_by_side
from terraform import Terraform, configured

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "quickstart"
ACCELERATORS = 8
"""What one replica of the example needs."""
SHARED, OWN = 25, 8
"""Objects of a folder of n intents: what they share (APIs, the cluster, the metrics adapter), and each one's own."""
FEW, MANY, MOST = 97, 1001, 3001
LATENCY_MS = 50


def write(folder: Path, objects: int) -> None:
    """Write a folder of as many intents as have ``objects`` resources, one file each, and the world beside them."""
    folder.mkdir(parents=True)
    count, rest = divmod(objects - SHARED, OWN)
    assert not rest, f"{objects} is not {SHARED} + {OWN} x a number of intents"
    intent = yaml.safe_load((EXAMPLE / "inference.yaml").read_text(encoding="utf-8"))
    for number in range(1, count + 1):
        name = f"team-{number:03}"
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(_named(intent, name), sort_keys=False), encoding="utf-8")
    world = yaml.safe_load((EXAMPLE / "world.yaml").read_text(encoding="utf-8"))
    (folder / "world.yaml").write_text(yaml.safe_dump(_with_room(world, count), sort_keys=False), encoding="utf-8")


def _named(example: dict[str, Any], name: str) -> dict[str, Any]:
    """The example's intent under another name: a namespace of its own, one replica, an autoscaler."""
    intent = copy.deepcopy(example)
    del intent["environments"]
    intent["metadata"]["name"] = name
    spec = intent["spec"]
    spec["workload"]["requestsPerSecond"] = {"mean": 1, "peak": 3}
    spec["autoscaling"] = {"minReplicas": 1, "maxReplicas": 2}
    spec["target"]["namespace"] = name
    return intent


def _with_room(world: dict[str, Any], count: int) -> dict[str, Any]:
    """The example's world with quota for two replicas of every intent, and one to surge."""
    for quota in world["quotas"]:
        quota["limit"] = 3 * count * ACCELERATORS
    del world["otherProjects"]
    return world


@dataclass(frozen=True)
class Fleet:
    """``giqplan(folder, *words)`` runs a process; ``own_seconds(folder, process)``: its time outside requests. ``hurry``: the speed of the
    sandbox's time while something is applied."""

    program: str
    home: Path
    hurry: str
    giqplan: Callable[..., Process]
    own_seconds: Callable[[Path, Process], float]
    own: dict[int, float] = field(default_factory=dict)
    """Objects -> seconds of an apply outside requests."""

    def folder(self, objects: int) -> Path:
        return self.home / f"fleet-{objects}"

    def applied(self, objects: int) -> Process:
        """The apply that creates ``objects`` in a new world; the sandbox goes on running."""
        folder = self.folder(objects)
        write(folder, objects)
        self.giqplan(folder, "sandbox", "start", "--speed", self.hurry)
        process = self.giqplan(folder, "apply", ".", "--sandbox", "--auto-approve", "--quiet")
        if f"{objects} created" not in process.stdout:
            raise BenchError(f"{objects} were to be created: {process.stdout[-200:]}")
        self.own[objects] = self.own_seconds(folder, process)
        return process

    def rows(self, sizes: tuple[int, ...]) -> Iterator[Row]:
        """What applies and no-change plans of ``sizes`` objects take, in turns with terraform where it is there."""
        self.applied(FEW)
        self.giqplan(self.folder(FEW), "sandbox", "stop")
        for objects in sizes:
            peer = configured(self.home / f"terraform-{objects}", objects)
            yield self._apply(objects, peer)
            yield from self._own(objects)
            yield from self._plan(objects, peer)
            yield self._chain(objects)
            self.giqplan(self.folder(objects), "sandbox", "stop")

    def _apply(self, objects: int, peer: Terraform | None) -> Row:
        ours = self.applied(objects)
        theirs = peer.apply() if peer else None
        return Row(
            f"apply, {objects:,} objects created",
            [ours.seconds],
            "s",
            theirs.seconds if theirs else None,
            _told("apply", objects, [theirs]) if theirs else "no terraform here",
        )

    def _own(self, objects: int) -> Iterator[Row]:
        each = {count: 1000 * self.own[count] / count for count in (FEW, objects)}
        yield Row(f"that apply outside requests, an object of {objects:,}", [each[objects]], "ms", 2)
        note = f"an object of {objects:,} against an object of {FEW}, times ten: what ten times the objects cost."
        yield Row(
            f"its growth for ten times the objects, from {FEW} to {objects:,}", [10 * each[objects] / each[FEW]], "times", 10.5, "", note
        )

    def _plan(self, objects: int, peer: Terraform | None) -> Iterator[Row]:
        folder = self.folder(objects)
        self.giqplan(folder, "sandbox", "start", "--speed", "60")
        if "No changes" not in self.giqplan(folder, "plan", ".", "--sandbox").stdout:
            raise BenchError("the plan right after apply is not empty")
        commands = [((self.program, "plan", ".", "--sandbox"), folder)]
        if peer:
            commands.append(((peer.program, "plan"), peer.folder))
        ours, *theirs = side_by_side(commands, 5)
        budget = Row("", seconds(theirs[0]), "s", None).median if theirs else None
        told = _told("plan", objects, theirs[0]) if theirs else "no terraform here"
        yield Row(f"no-change plan, {objects:,} objects", seconds(ours), "s", budget, told)
        memory = beside("terraform", [p.peak_mib for p in theirs[0]], "MiB") if theirs else ""
        yield Row("its peak memory", [p.peak_mib for p in ours], "MiB", None, memory)

    def _chain(self, objects: int) -> Row:
        folder = self.folder(objects)
        self.giqplan(folder, "sandbox", "log", "--latency-ms", str(LATENCY_MS))
        self.giqplan(folder, "plan", ".", "--sandbox")
        self.giqplan(folder, "sandbox", "log", "--latency-ms", "0")
        chain = self.giqplan(folder, "sandbox", "log", "--run", "last", "--critical-path").stdout.splitlines()[-1]
        return Row(f"its longest chain of requests, {LATENCY_MS} ms added to each", [float(chain.split()[0])], "requests", 4)


def _told(what: str, objects: int, measured: list[Process]) -> str:
    return f"{beside(f'terraform {what}', seconds(measured))} ({objects:,} terraform_data)"
