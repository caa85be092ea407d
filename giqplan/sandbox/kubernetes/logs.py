"""The log of a Pod, as far as its phases say something."""

from __future__ import annotations

from typing import Any

from giqplan.sandbox.kubernetes.status import bad_request
from giqplan.sandbox.wire import HttpRequest


def log_of(pod: dict[str, Any], request: HttpRequest) -> str:
    """Lines of the first (or the asked) container; 400 while it has not started."""
    name = request.first("container") or pod["spec"]["containers"][0]["name"]
    if name not in [c["name"] for c in pod["spec"]["containers"]]:
        raise bad_request(f"container {name} is not valid for pod {pod['metadata']['name']}")
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status["name"] != name:
            continue
        state = status.get("state") or {}
        if "waiting" in state:
            reason = state["waiting"].get("reason", "ContainerCreating")
            raise bad_request(f'container "{name}" in pod "{pod["metadata"]["name"]}" is waiting to start: {reason}')
        started = (state.get("running") or {}).get("startedAt", "")
        lines = [f"{started} container started"]
        if status.get("ready"):
            lines.append(f"{started} ready")
        return "\n".join(lines) + "\n"
    raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
