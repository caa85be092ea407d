"""Stop the quickstart's apply and destroy at every record of their journal, run them again, and see that it came to the same end.

Each point has a world of its own, copied from one that was prepared once, and real processes: the run that is stopped and the run that
goes on are giqplan's command line against the sandbox. What has to hold afterwards is ``judge``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from sweep_moments import HANGS_S, INTERRUPT, KILL, TERMINATE, TWICE, Point, run
from sweep_world import differences, marked, sent, state_of, twice, world_of

from giqplan.sandbox import control

ROOT = Path(__file__).resolve().parent.parent
SPEED = 3000
"""Simulated seconds a second."""
COMMANDS = ("apply", "destroy")
_HANG_S = 120
_DANGEROUS = (
    "google_container_cluster.",
    "clusters/inference",
    "/deployments/quickstart",
    "kubernetes_deployment.inference/",
    "kubernetes_namespace.inference",
    "iam_member",
    "state is written",
    "in the middle of state",
)


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, negative when a signal ended it, and its standard error."""

    code: int
    seconds: float
    errors: str
    track: str


class Home:
    """A project folder with its sandbox, prepared once and copied for each point."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sandbox = folder / ".giqplan" / "sandbox"

    @classmethod
    def make(cls, folder: Path) -> Home:
        """The quickstart; its cluster goes with ``destroy``, so that deleting a cluster is swept too."""
        shutil.copytree(ROOT / "examples" / "quickstart", folder, ignore=shutil.ignore_patterns(".giqplan"))
        intent = yaml.safe_load((folder / "inference.yaml").read_text(encoding="utf-8"))
        intent["spec"]["target"]["cluster"]["deletionPolicy"] = "delete"
        (folder / "inference.yaml").write_text(yaml.safe_dump(intent, sort_keys=False), encoding="utf-8")
        return cls(folder)

    def copy(self, folder: Path) -> Home:
        shutil.copytree(self.folder, folder)
        return Home(folder)

    def start(self) -> None:
        control.start(self.sandbox, world_file=self.folder / "world.yaml", speed=SPEED)

    def run(self, words: Sequence[str], point: Point) -> Ended:
        """One process: giqplan with ``words``, stopped at ``point``."""
        start, track = time.monotonic(), self.folder / "track.txt"
        track.unlink(missing_ok=True)
        child = os.fork()
        if not child:
            run(self.folder, list(words), point, track)
        code = _wait(child)
        passed = track.read_text(encoding="utf-8") if track.exists() else ""
        return Ended(code, time.monotonic() - start, (self.folder / "err.txt").read_text(encoding="utf-8"), passed)

    def giqplan(self, command: str, point: Point | None = None, *more: str) -> Ended:
        words = [command, "--sandbox", "--no-color", *more]
        if command in COMMANDS:
            words.append("--auto-approve")
        return self.run(words, point or Point(command, "", "none"))

    def state_folder(self) -> Path:
        return next((p for p in sorted((self.folder / ".giqplan").glob("sandbox-*/default"))), self.folder / "none")

    def requests(self) -> list[tuple[str, str, str, int]]:
        return [(e.method, e.path, e.query, e.status) for e in control.log(self.sandbox)]


def _wait(child: int) -> int:
    limit = time.monotonic() + _HANG_S
    while time.monotonic() < limit:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 999


@dataclass(frozen=True)
class End:
    """Where an uninterrupted run leads: world, state, what it sends, and the moments that it passes."""

    world: dict[str, object]
    state: dict[str, object] | None
    sent: set[str]
    moments: tuple[str, ...]


def undisturbed(before: Home, command: str, folder: Path) -> tuple[Home, End]:
    """The run that nobody stops. Its home, at rest, is what the next command begins with."""
    home = before.copy(folder)
    home.start()
    ended = home.giqplan(command, Point(command, "", ""))
    if ended.code:
        raise SystemExit(f"the undisturbed {command} ended with {ended.code}:\n{ended.errors}")
    done = sent(home.requests())
    control.clear_log(home.sandbox)
    control.stop(home.sandbox)
    moments = tuple(ended.track.splitlines())
    return home, End(world_of(home.sandbox / "sandbox.db"), state_of(home.state_folder() / "state.json"), done, moments)


def points_of(command: str, moments: Iterable[str]) -> list[Point]:
    """SIGKILL at every moment, SIGINT after every record; the second SIGINT and SIGTERM where a request is about to be sent."""
    found = []
    for moment in moments:
        found.append(Point(command, KILL, moment))
        if moment.startswith("after the record"):
            found.append(Point(command, INTERRUPT, moment))
        # What is sent again has been turned away as busy: how often differs from run to run.
        if moment.startswith("before") and not moment.endswith(")") and any(word in moment for word in _DANGEROUS):
            found += [Point(command, TWICE, moment), Point(command, TERMINATE, moment)]
    return [point for point in found if not _same_as_another(point)]


def _same_as_another(point: Point) -> bool:
    """Before anything of an action is done is the same as before its first record; nothing lies between a record and its sending."""
    return point.signal == KILL and (point.moment.startswith("in the middle of the record: begin") or point.moment.startswith("before "))


def judge(point: Point, home: Home, end: End) -> list[str]:
    """Stop the run at the point, run it again, and say what is not as it has to be."""
    faults: list[str] = []
    first = home.giqplan(point.command, point)
    if "reached" not in first.track:
        return [f"the moment never came; the run ended with {first.code}"]
    expected = {KILL: -signal.SIGKILL, INTERRUPT: 130, TWICE: 130, TERMINATE: 143}[point.signal]
    if first.code != expected:
        faults.append(f"the stopped run ended with {first.code}, expected {expected}: {first.errors.strip()[-300:]}")
    if point.signal == TWICE and first.seconds > HANGS_S:
        faults.append("the second Ctrl-C waited for the request under way")
    if "Traceback" in first.errors:
        faults.append(f"the stopped run shows a traceback: {first.errors}")
    again = home.giqplan(point.command)
    if again.code:
        faults.append(f"the second run ended with {again.code}: {again.errors.strip()[-400:]}")
    after = home.giqplan("plan", None, "--detailed-exitcode") if point.command == "apply" else home.giqplan("destroy")
    if after.code:
        out = (home.folder / "out.txt").read_text(encoding="utf-8")
        faults.append(f"the plan afterwards ended with {after.code}: {after.errors.strip()[-200:]} {out.strip()[-1200:]}")
    faults += [f"never done: {what}" for what in sorted(end.sent - sent(home.requests()))]
    faults += [f"done twice: {what}" for what in twice(home.requests())]
    if (home.state_folder() / "journal.jsonl").exists():
        faults.append("the journal is still there")
    control.stop(home.sandbox)
    world = world_of(home.sandbox / "sandbox.db")
    faults += [f"world{line}" for line in differences(end.world, world)]
    faults += [f"state{line}" for line in differences(end.state, state_of(home.state_folder() / "state.json"))]
    if point.command == "destroy":
        faults += [f"orphaned: {name}" for name in marked(world)]
    return faults


def sweep(points: Sequence[Point], homes: dict[str, Home], ends: dict[str, End], work: Path, jobs: int) -> list[tuple[str, list[str]]]:
    """All points, ``jobs`` at a time; each worker is a process that takes every n-th."""
    children = {}
    for worker in range(jobs):
        told = work / f"worker-{worker}.jsonl"
        child = os.fork()
        if not child:
            _work(points[worker::jobs], homes, ends, work / f"worker-{worker}", told)
        children[child] = told
    found = []
    for child, told in children.items():
        _, status = os.waitpid(child, 0)
        rows = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()] if told.exists() else []
        found += [(row["point"], row["faults"]) for row in rows]
        if status:
            found.append((f"worker {told.stem}", [f"it ended with {status}"]))
    return found


def _work(points: Sequence[Point], homes: dict[str, Home], ends: dict[str, End], folder: Path, told: Path) -> None:
    code = 1
    try:
        with told.open("w", encoding="utf-8") as file:
            for point in points:
                home = homes[point.command].copy(folder)
                try:
                    home.start()
                    faults = judge(point, home, ends[point.command])
                finally:
                    control.stop(home.sandbox)
                if faults and os.environ.get("SWEEP_KEEP"):
                    shutil.copytree(folder, Path(os.environ["SWEEP_KEEP"]) / str(time.monotonic_ns()))
                shutil.rmtree(folder)
                file.write(json.dumps({"point": str(point), "faults": faults}) + "\n")
                file.flush()
        code = 0
    finally:
        os._exit(code)


def sample(points: Sequence[Point], every: int) -> list[Point]:
    """Every n-th point, and of the dangerous kinds the kill between the answer and its record."""
    return [p for i, p in enumerate(points) if i % every == 0 or (_answered(p) and any(word in p.moment for word in _DANGEROUS))]


def _answered(point: Point) -> bool:
    return point.signal == KILL and not point.moment.startswith("after the record")


def _warm(home: Home) -> None:
    """Import what a run imports, so that the processes of the sweep need not: they are forks of this one."""
    import google.cloud.container_v1
    import google.cloud.storage  # noqa: F401
    import kubernetes.client  # noqa: F401

    from giqplan.catalog import open_catalog
    from giqplan.cli import apply, plan, session  # noqa: F401
    from giqplan.engine import destroy, planner  # noqa: F401
    from giqplan.intent import load_intent
    from giqplan.render import applied, text  # noqa: F401

    open_catalog()
    load_intent(home.folder / "inference.yaml", None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th point, and the dangerous ones")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the points whose name holds TEXT")
    parser.add_argument("--list", action="store_true", help="print the points and stop none")
    args = parser.parse_args()
    start, work = time.monotonic(), Path(tempfile.mkdtemp(prefix="giqplan-sweep-"))
    try:
        empty = Home.make(work / "empty")
        _warm(empty)
        applied, apply_end = undisturbed(empty, "apply", work / "applied")
        _, destroy_end = undisturbed(applied, "destroy", work / "destroyed")
        ends, homes = {"apply": apply_end, "destroy": destroy_end}, {"apply": empty, "destroy": applied}
        points = [p for command in COMMANDS for p in points_of(command, ends[command].moments)]
        if args.only:
            points = [p for p in points if args.only in str(p)]
        chosen = sample(points, args.every) if args.every > 1 else points
        if args.list:
            print("\n".join(map(str, chosen)))
            return 0
        found = sweep(chosen, homes, ends, work, args.jobs)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return _tell(found, len(points), time.monotonic() - start)


def _tell(found: Sequence[tuple[str, list[str]]], of: int, seconds: float) -> int:
    failed = [(point, faults) for point, faults in found if faults]
    for point, faults in sorted(failed):
        print(f"FAILED  {point}")
        for fault in faults[:8]:
            print(f"        {fault}")
    by_command = ", ".join(f"{sum(point.startswith(c) for point, _ in found)} of {c}" for c in COMMANDS)
    print(f"sweep: {len(found)} points of {of} ({by_command}), {len(failed)} failed, {seconds:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
