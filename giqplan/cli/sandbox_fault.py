"""giqplan sandbox fault: requests that go wrong on purpose."""

from __future__ import annotations

import argparse
from pathlib import Path

from giqplan.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """add, list and clear, with the flags of ``add``."""
    parser.add_argument("fault_command", choices=["add", "list", "clear"], help="order one, print those in force, or end them all")
    parser.add_argument(
        "--service",
        default="*",
        metavar="GLOB",
        help="add: a service as `sandbox log` names it: container, storage, gkerecommender, oauth2, kubernetes ... (default: all)",
    )
    parser.add_argument("--method", default="*", metavar="GLOB", help="add: the HTTP method (default: all)")
    parser.add_argument("--path", default="*", metavar="GLOB", help="add: the path, with or without its query (default: all)")
    parser.add_argument("--status", type=int, default=0, metavar="N", help="add: answer with this HTTP status")
    parser.add_argument("--answer", type=Path, metavar="FILE", help="add: answer with what the file holds (status 200, or --status)")
    parser.add_argument(
        "--retry-after", dest="retry_after_s", type=int, default=0, metavar="S", help="add: tell the client to wait S seconds"
    )
    parser.add_argument("--cut", action="store_true", help="add: end the connection without an answer")
    parser.add_argument("--after", action="store_true", help="add: carry the request out first")
    parser.add_argument("--delay-ms", type=float, default=0, metavar="N", help="add: let it take this much longer")
    parser.add_argument("--times", type=int, default=0, metavar="N", help="add: only so often (default: until cleared)")


def work(args: argparse.Namespace, folder: Path) -> None:
    """Carry out one of the three; SandboxError when the sandbox does not run or the fault makes no sense."""
    from giqplan.sandbox import control
    from giqplan.sandbox.faults import Fault

    names = ("service", "method", "path", "status", "cut", "after", "delay_ms", "times", "retry_after_s")
    given = {name: getattr(args, name) for name in names if getattr(args, name) not in ("*", 0, False)}
    if args.answer is not None:
        try:
            given["answer"] = args.answer.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UsageError("GIQ0101", f"--answer: {args.answer} cannot be read: {error}", "name a text file that is there") from None
    if args.fault_command == "add":
        control.add_fault(folder, Fault(**given))
    elif given:
        raise UsageError("GIQ0101", f"fault {args.fault_command} takes no {', '.join(given)}", "these flags are for fault add")
    elif args.fault_command == "clear":
        control.clear_faults(folder)
    for fault in control.faults(folder):
        print(fault)
