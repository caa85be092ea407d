"""A drift report as text and as JSON; the JSON has the shape of ``resource_drift`` in Terraform's plan."""

from __future__ import annotations

from typing import Any

from giqplan.engine.drift_report import DriftReport
from giqplan.render.json import FORMAT_VERSION, plain, resource_drift
from giqplan.render.page import Page
from giqplan.render.text import drift_lines


def drift_text(report: DriftReport, *, color: bool = False, width: int = 100) -> str:
    """What drifted, what could not be judged, and one summary line; ends with a newline."""
    page = Page(color=color, width=width)
    scope = report.scope
    page.prose(0, f"Drift of {', '.join(report.names)} (environment {report.environment}, world {report.world}) in {scope.cluster}")
    drift_lines(page, report.drift)
    if report.unseen:
        page.gap()
        page.line(0, "Not looked at")
    for unseen in report.unseen:
        page.prose(2, f"{unseen.address}: {unseen.reason}")
    page.gap()
    page.line(0, _summary(report))
    return page.text()


def _summary(report: DriftReport) -> str:
    judged = report.recorded - len(report.unseen)
    found = f"Drift: {len(report.drift)} of {judged} resources" if report.drift else f"No drift in {judged} resources"
    return found + (f"; {len(report.unseen)} could not be looked at." if report.unseen else ".")


def drift_json(report: DriftReport) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "format_version": FORMAT_VERSION,
        "resource_drift": [resource_drift(drift) for drift in report.drift],
        "complete": not report.unseen,
        "deferred": [plain(unseen) for unseen in report.unseen],
        "recorded": report.recorded,
        "world": report.world,
        "environment": report.environment,
        "intents": list(report.names),
        "project": report.scope.project,
        "cluster": str(report.scope.cluster),
    }
