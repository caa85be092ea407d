"""Starting, stopping and asking the sandbox, from outside its process. This is the sandbox's door for the command line and tests."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from giqplan import __version__
from giqplan.errors import ErrorList, Place, SandboxError
from giqplan.model.connection import GOOGLE_ENDPOINTS, Connection
from giqplan.sandbox.faults import Fault
from giqplan.sandbox.log import Entry, critical_path

DEFAULT_CALLER = "owner"
_START_LIMIT_S = 20.0
_STOP_LIMIT_S = 10.0


def ensure(
    folder: Path, *, world_file: Path | None = None, project: str = "my-project", caller: str | None = None, speed: float | None = None
) -> Connection:
    """A running sandbox in ``folder`` as ``caller`` sees it; started when it does not run.

    ``world_file`` and ``project`` matter only when the sandbox has no world yet. SandboxError: GIQ2002 it does not start, GIQ2003
    and GIQ2004 world.yaml is wrong, GIQ2005 no such caller.
    """
    start(folder, world_file=world_file, project=project, speed=speed)
    return connection(folder, caller)


def connection(folder: Path, caller: str | None = None) -> Connection:
    """The Connection of a running sandbox."""
    told = _told(folder)
    name = caller or DEFAULT_CALLER
    if name not in told["callers"]:
        known = ", ".join(sorted(told["callers"]))
        raise SandboxError("GIQ2005", f"the sandbox has no caller {name!r}; it knows {known}", "Set GIQPLAN_SANDBOX_CALLER to one of them.")
    base = f"https://127.0.0.1:{told['port']}"
    credentials = {
        "type": "authorized_user",
        "client_id": told["client_id"],
        "client_secret": told["client_secret"],
        "refresh_token": told["callers"][name],
        "token_uri": f"{base}/token",
    }
    return Connection(
        world=f"sandbox-{told['instance_id']}",
        endpoints=dict.fromkeys(GOOGLE_ENDPOINTS, base),
        ca_file=str(folder / "ca.pem"),
        credentials=credentials,
        instance_url=f"{base}/sandbox/instance",
    )


def start(
    folder: Path,
    *,
    world_file: Path | None = None,
    project: str = "my-project",
    speed: float | None = None,
    controllers: str | None = None,
) -> bool:
    """Start the sandbox unless it runs; True when it was started. One of another version of giqplan, or at another speed or with
    other controllers than asked for, is started anew on the same world."""
    if _as_wanted(_peek(folder), speed, controllers):
        return False
    with _starting(folder):
        if _as_wanted(_peek(folder), speed, controllers):
            return False
        stop(folder)
        _launch(folder, world_file, project, speed, controllers)
    return True


def running(folder: Path) -> bool:
    """Whether a process serves the folder: it holds the lock as long as it lives, however it ends."""
    try:
        descriptor = os.open(folder / "serve.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def stop(folder: Path) -> bool:
    """Stop the sandbox; its world stays. False when it did not run."""
    if _peek(folder) is None:
        return False
    _ask(folder, "POST", "stop")
    _wait_until_stopped(folder)
    return True


def reset(folder: Path, *, world_file: Path | None = None, project: str = "my-project", speed: float | None = None) -> None:
    """Forget the world and begin a new one, with a new instance id: state of the old one no longer fits."""
    if world_file is not None:
        from giqplan.sandbox.world import load_world

        load_world(world_file)  # a wrong file must not cost the world that is there
    with _starting(folder):
        stop(folder)
        port = _last_port(folder)
        for name in ("sandbox.db", "sandbox.db-wal", "sandbox.db-shm"):
            (folder / name).unlink(missing_ok=True)
        _launch(folder, world_file, project, speed, None, port)


def remove(folder: Path) -> None:
    """Stop the sandbox and delete everything of it."""
    stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def status(folder: Path) -> dict[str, Any] | None:
    """What the sandbox says of itself, None when it does not run."""
    return dict(_ask(folder, "GET", "status")) if _peek(folder) is not None else None


def advance(folder: Path, seconds: float) -> str:
    """Let simulated seconds pass at once; the new time."""
    return str(_ask(folder, "POST", "advance", {"seconds": seconds})["now"])


def set_latency(folder: Path, milliseconds: float) -> None:
    """From now on every request sleeps this long before it is answered (for measuring)."""
    _ask(folder, "POST", "latency", {"milliseconds": milliseconds})


def add_fault(folder: Path, fault: Fault) -> None:
    """From now on requests that fit go wrong in this way."""
    _ask(folder, "POST", "fault", asdict(fault))


def faults(folder: Path) -> list[Fault]:
    """The faults in force."""
    return [Fault(**row) for row in _ask(folder, "GET", "faults")["faults"]]


def clear_faults(folder: Path) -> None:
    """From now on nothing goes wrong on purpose."""
    _ask(folder, "POST", "clear-faults")


def log(folder: Path, run: str = "") -> list[Entry]:
    """The requests so far, oldest first; of one client run only, when ``run`` is given (header ``x-giqplan-run``)."""
    path = f"log?run={run}" if run else "log"
    return [Entry(**row) for row in _ask(folder, "GET", path)["requests"]]


def clear_log(folder: Path) -> None:
    """Forget the requests so far."""
    _ask(folder, "POST", "clear-log")


def longest_chain(folder: Path, run: str = "") -> list[Entry]:
    """The longest chain of dependent requests (see ``log.critical_path``)."""
    return critical_path(log(folder, run))


def kubeconfig(folder: Path, cluster: str | None = None) -> dict[str, Any]:
    """A kubeconfig of the running clusters, or of the named one, with the administrator's token: kubectl needs no plugin."""
    told, state = _told(folder), _ask(folder, "GET", "status")
    rows = [row for row in state["clusters"] if row["endpoint"]]
    if cluster is not None:
        rows = [row for row in rows if cluster in (row["name"], row["name"].rpartition("/")[2])]
    if not rows:
        known = ", ".join(row["name"] for row in state["clusters"]) or "none"
        raise SandboxError("GIQ2006", f"no running cluster {cluster or ''}".strip(), f"Clusters: {known}. A new one takes some minutes.")
    import base64

    ca = base64.b64encode((folder / "ca.pem").read_bytes()).decode()
    names = ["gke_{}_{}_{}".format(*row["name"].split("/")) for row in rows]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": n, "cluster": {"server": f"https://{row['endpoint']}", "certificate-authority-data": ca}}
            for n, row in zip(names, rows, strict=True)
        ],
        "users": [{"name": "sandbox-admin", "user": {"token": told["admin_token"]}}],
        "contexts": [{"name": n, "context": {"cluster": n, "user": "sandbox-admin"}} for n in names],
        "current-context": names[0],
    }


# -- inside


@contextmanager
def _starting(folder: Path) -> Iterator[None]:
    """Two starters take turns."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _launch(folder: Path, world_file: Path | None, project: str, speed: float | None, controllers: str | None, port: int = 0) -> None:
    """Start the process and wait until it says that it is ready."""
    command = [sys.executable, "-m", "giqplan.sandbox", "serve", "--folder", str(folder.resolve()), "--project", project]
    command += ["--world", str(world_file.resolve())] if world_file is not None and world_file.is_file() else []
    command += ["--speed", str(speed)] if speed is not None else []
    command += ["--controllers", controllers] if controllers is not None else []
    command += ["--port", str(port or _last_port(folder))]
    with (folder / "sandbox.log").open("ab") as errors:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
        assert child.stdout is not None
        with child.stdout:
            line = child.stdout.readline()
        child.wait()
    told = json.loads(line) if line else {}
    if told.get("ready"):
        (folder / "port").write_text(str(_told(folder)["port"]), encoding="ascii")
        return
    if told.get("errors"):
        found = [SandboxError(e["code"], e["detail"], e["remedy"], Place(*e["place"]) if e["place"] else None) for e in told["errors"]]
        raise found[0] if len(found) == 1 else ErrorList(found)
    last = (folder / "sandbox.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    raise SandboxError("GIQ2002", f"its process ended at once: {''.join(last)}", f"See {folder / 'sandbox.log'}.")


def _last_port(folder: Path) -> int:
    try:
        return int((folder / "port").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _told(folder: Path) -> dict[str, Any]:
    """connection.json of a running sandbox."""
    told = _peek(folder)
    if told is None:
        raise SandboxError("GIQ2001", f"no sandbox runs in {folder}", "giqplan sandbox start")
    return told


def _peek(folder: Path) -> dict[str, Any] | None:
    """connection.json of a running sandbox, None when none runs; waits for one that is just starting or ending."""
    limit = time.monotonic() + _START_LIMIT_S
    while running(folder) and time.monotonic() < limit:
        try:
            return dict(json.loads((folder / "connection.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            time.sleep(0.01)
        except (ValueError, TypeError) as error:
            path = folder / "connection.json"
            remedy = "end the process that holds serve.lock beside it, then start the sandbox again: its world is kept"
            raise SandboxError("GIQ2001", f"connection.json is broken: {error}", remedy, Place(str(path))) from None
    return None


def _as_wanted(told: Mapping[str, Any] | None, speed: float | None, controllers: str | None) -> bool:
    if told is None:
        return False
    same_speed = speed is None or told["speed"] == speed
    return bool(told["version"] == __version__ and same_speed and controllers in (None, told["controllers"]))


def _wait_until_stopped(folder: Path) -> None:
    limit = time.monotonic() + _STOP_LIMIT_S
    while running(folder):
        if time.monotonic() > limit:
            raise SandboxError("GIQ2001", f"the sandbox in {folder} does not stop", "End its process by the pid in connection.json.")
        time.sleep(0.005)


def _ask(folder: Path, method: str, name: str, body: Mapping[str, Any] | None = None) -> Any:
    """One control request."""
    told = _told(folder)
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    client = http.client.HTTPSConnection("127.0.0.1", told["port"], context=context, timeout=60)
    headers = {"Authorization": f"Bearer {told['control_token']}", "Content-Type": "application/json"}
    try:
        client.request(method, f"/sandbox/{name}", json.dumps(body) if body is not None else None, headers)
        answer = client.getresponse()
        data = answer.read()
    except OSError as error:
        raise SandboxError("GIQ2001", f"the sandbox does not answer: {error}", "giqplan sandbox stop, then start") from error
    finally:
        client.close()
    if answer.status != 200:
        raise SandboxError("GIQ2001", f"the sandbox refused {name}: {data.decode(errors='replace')}", "See its sandbox.log.")
    return json.loads(data)
