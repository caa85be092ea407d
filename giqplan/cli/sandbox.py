"""giqplan sandbox: the local Google Cloud and Kubernetes beside an intent."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from giqplan.cli import sandbox_fault
from giqplan.cli.places import sandbox_of, world_of
from giqplan.errors import Exit, GiqplanError, UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The subcommands, one function each."""
    commands = parser.add_subparsers(dest="sandbox_command", metavar="COMMAND", required=True)

    def command(name: str, text: str, work: Callable[[argparse.Namespace, Path], None]) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.add_argument(
            "-f", "--file", dest="intent", default="inference.yaml", help="the intent whose sandbox is meant (default: %(default)s)"
        )
        one.set_defaults(sandbox_work=work)
        return one

    one = command("start", "start it, if it does not run", _start)
    one.add_argument("--controllers", choices=["on", "off"], help="whether anything lives in the clusters (default: on)")
    one.add_argument(
        "--speed", type=float, metavar="N", help="simulated seconds a second; 0 = only `advance` moves the clock (default: 60)"
    )
    command("stop", "stop it; its world stays", _stop)
    command("status", "what it holds and how to reach it", _status)
    one = command("reset", "forget its world and begin a new one", _reset)
    one.add_argument("--world", type=Path, metavar="FILE", help="the new world (default: world.yaml beside the intent)")
    one = command("kubeconfig", "print a kubeconfig for kubectl", _kubeconfig)
    one.add_argument("--cluster", metavar="NAME", help="only this cluster (default: all that run)")
    one = command("log", "print the requests it answered", _log)
    one.add_argument("--critical-path", action="store_true", help="only the longest chain of requests that had to wait for each other")
    one.add_argument("--run", default="", metavar="ID", help="only the requests of this run of giqplan; `last` is the latest one")
    one.add_argument("--latency-ms", type=float, metavar="N", help="from now on let every request take this much longer, and print nothing")
    sandbox_fault.configure(command("fault", "let requests go wrong on purpose", sandbox_fault.work))
    one = command("advance", "let simulated time pass at once", _advance)
    one.add_argument("seconds", type=float, metavar="SECONDS")


def run(args: argparse.Namespace) -> Exit:
    """Carry out the subcommand; SandboxError when it cannot."""
    work: Callable[[argparse.Namespace, Path], None] = args.sandbox_work
    work(args, sandbox_of(Path(args.intent)))
    return Exit.DONE


def _project(args: argparse.Namespace) -> str:
    """The intent's project; what an unreadable intent would say is said by the commands that need one."""
    from giqplan.cli.session import load

    try:
        return str(next(iter(load(Path(args.intent), None).values())).intent.spec.target.project)
    except (GiqplanError, OSError):
        return "my-project"


def _start(args: argparse.Namespace, folder: Path) -> None:
    from giqplan.sandbox import control

    if args.speed is not None and not args.speed >= 0:
        raise UsageError("GIQ0101", "--speed is 0 or more")
    world = world_of(Path(args.intent))
    project = "my-project" if world else _project(args)
    started = control.start(folder, world_file=world, project=project, speed=args.speed, controllers=args.controllers)
    print("started" if started else "already running")
    _status(args, folder)


def _stop(args: argparse.Namespace, folder: Path) -> None:
    from giqplan.sandbox import control

    print("stopped" if control.stop(folder) else "was not running")


def _status(args: argparse.Namespace, folder: Path) -> None:
    from giqplan.sandbox import control

    found = control.status(folder)
    if found is None:
        print("not running")
        return
    speed = f"{found['speed']:g} simulated seconds a second" if found["speed"] else "stands still; `giqplan sandbox advance` moves it"
    print(f"world       sandbox-{found['instance_id']}" + (f" from {found['world']}" if found["world"] else ""))
    print(f"clock       {found['now']}, {speed}")
    print(f"controllers {found['controllers']}")
    print(f"projects    {', '.join(found['projects'])}")
    print(f"callers     {', '.join(found['callers'])} (GIQPLAN_SANDBOX_CALLER)")
    if found["failures"]:
        print(f"failures    {found['failures']} inside the sandbox: see {folder / 'sandbox.log'}")
    for cluster in found["clusters"]:
        print(f"cluster     {cluster['name']} {cluster['status']} {cluster['endpoint']}".rstrip())


def _reset(args: argparse.Namespace, folder: Path) -> None:
    from giqplan.sandbox import control

    world = args.world or world_of(Path(args.intent))
    control.reset(folder, world_file=world, project="my-project" if world else _project(args))
    _status(args, folder)


def _kubeconfig(args: argparse.Namespace, folder: Path) -> None:
    import yaml

    from giqplan.sandbox import control

    print(yaml.safe_dump(control.kubeconfig(folder, args.cluster), sort_keys=False), end="")


def _log(args: argparse.Namespace, folder: Path) -> None:
    from giqplan.sandbox import control

    if args.latency_ms is not None:
        control.set_latency(folder, args.latency_ms)
        return
    wanted = _last_run(folder) if args.run == "last" else args.run
    entries = control.longest_chain(folder, wanted) if args.critical_path else control.log(folder, wanted)
    try:
        for entry in entries:
            target = entry.path + (f"?{entry.query}" if entry.query else "")
            print(f"{entry.status} {entry.milliseconds:8.1f} ms  {entry.caller or '-':8} {entry.service:20} {entry.method:6} {target}")
        if args.critical_path:
            total_ms = sum(entry.milliseconds for entry in entries)
            print(f"{len(entries)} requests had to wait for each other, {total_ms:.1f} ms inside them")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _last_run(folder: Path) -> str:
    """The id of the run that asked last; it is what an apply or plan sends with every request."""
    from giqplan.sandbox import control

    return next((entry.run for entry in reversed(control.log(folder)) if entry.run), "")


_LONGEST_ADVANCE_S = 10 * 365 * 86400


def _advance(args: argparse.Namespace, folder: Path) -> None:
    from giqplan.sandbox import control

    if not 0 <= args.seconds <= _LONGEST_ADVANCE_S:
        raise UsageError("GIQ0101", f"SECONDS is 0 to {_LONGEST_ADVANCE_S}", "a sandbox lives for years, not for ages")
    print(control.advance(folder, args.seconds))
