"""Cloud Quotas v1: quotaInfos of Compute Engine's accelerator quotas.

Which quotas exist and their dimensions: quotas.json (with sources). Shape: google-cloud-quotas 0.6.3's field documentation.
Precedence in ``dimensionsInfos``: the entry with the most matching dimensions wins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google.errors import ApiError
from giqplan.sandbox.google.paging import page
from giqplan.sandbox.google.projects import Project, Projects
from giqplan.sandbox.wire import Caller, HttpRequest

SERVICE = "cloudquotas.googleapis.com"
COMPUTE = "compute.googleapis.com"
PATH = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/services/(?P<service>[^/]+)/quotaInfos(?:/(?P<quota>[^/]+))?"
)


@cache
def quota_table() -> Mapping[str, Any]:
    """``quotas``: id -> dimensions, default limit, metric; ``accelerators``: GKE accelerator -> provisioning -> quota and dimensions."""
    return dict(json.loads(Path(__file__).with_name("quotas.json").read_text(encoding="utf-8")))


class CloudQuotas:
    """Limits that world.yaml sets are kept under ``<project>/<quota>``, as a list of dimensions and values."""

    def __init__(self, documents: Documents, projects: Projects) -> None:
        self._documents = documents
        self._projects = projects

    def answer(self, request: HttpRequest, caller: Caller, match: re.Match[str]) -> Any:
        """Route one request."""
        if request.method != "GET":
            raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")
        project = self._projects.admit(caller, match["project"], SERVICE, "cloudquotas.quotas.get")
        quotas = quota_table()["quotas"] if match["service"] == COMPUTE else {}
        if match["quota"]:
            if match["quota"] not in quotas:
                raise ApiError(404, f"Quota {match['quota']} of service {match['service']} does not exist.")
            return self._info(project, match["quota"], quotas[match["quota"]])
        rows = [self._info(project, quota, row) for quota, row in quotas.items()]
        return page(rows, "quotaInfos", request, default=500, limit=500)

    def set_limit(self, project: str, quota: str, dimensions: Mapping[str, str], limit: int) -> None:
        """A limit granted to the project for these dimensions."""
        key = f"{project}/{quota}"
        kept = self._documents.get("quota", key) or {"limits": []}
        kept["limits"] = [row for row in kept["limits"] if row["dimensions"] != dict(dimensions)]
        kept["limits"].append({"dimensions": dict(dimensions), "limit": limit})
        self._documents.put("quota", key, kept)

    def limit(self, project: str, quota: str, dimensions: Mapping[str, str]) -> int:
        """The limit that holds for these dimensions; -1 = no limit."""
        best, found = -1, int(quota_table()["quotas"][quota]["default"])
        for row in self._limits(project, quota):
            fits = all(dimensions.get(name) == value for name, value in row["dimensions"].items())
            if fits and len(row["dimensions"]) > best:
                best, found = len(row["dimensions"]), int(row["limit"])
        return found

    def accelerator_limits(self, project: str, region: str, accelerator: str, spot: bool) -> tuple[int | None, int | None]:
        """How many accelerators of this type, and how many GPUs of all types, may run at once; None = no limit."""
        row = quota_table()["accelerators"].get(accelerator, {}).get("spot" if spot else "standard")
        if row is None:
            return None, None
        own = self.limit(project, row["quota"], {**row.get("dimensions", {}), "region": region})
        whole = self.limit(project, "GPUS-ALL-REGIONS-per-project", {}) if row["unit"] == "gpu" else -1
        return (None if own < 0 else own), (None if whole < 0 else whole)

    def _limits(self, project: str, quota: str) -> list[dict[str, Any]]:
        return list((self._documents.get("quota", f"{project}/{quota}") or {"limits": []})["limits"])

    def _info(self, project: Project, quota: str, row: Mapping[str, Any]) -> dict[str, Any]:
        granted = sorted(self._limits(project.id, quota), key=lambda r: (-len(r["dimensions"]), sorted(r["dimensions"].items())))
        infos = []
        for entry in granted:
            info: dict[str, Any] = {"dimensions": entry["dimensions"]} if entry["dimensions"] else {}
            place = entry["dimensions"].get("region") or entry["dimensions"].get("zone") or "global"
            infos.append(info | {"details": {"value": str(entry["limit"])}, "applicableLocations": [place]})
        if all(entry["dimensions"] for entry in granted):
            places = ["global"] if not row["dimensions"] else list(quota_table()["regions"])
            infos.append({"details": {"value": str(row["default"])}, "applicableLocations": places})
        info = {
            "name": f"projects/{project.number}/locations/global/services/{COMPUTE}/quotaInfos/{quota}",
            "quotaId": quota,
            "metric": row["metric"],
            "service": COMPUTE,
            "containerType": "PROJECT",
            "metricDisplayName": row["title"],
            "quotaDisplayName": f"{row['title']} {quota.partition('-per-')[2].replace('-', ' ')}".strip(),
            "metricUnit": "1",
            "quotaIncreaseEligibility": {"isEligible": True},
            "dimensionsInfos": infos,
        }
        return info | ({"dimensions": row["dimensions"]} if row["dimensions"] else {"isPrecise": True})
