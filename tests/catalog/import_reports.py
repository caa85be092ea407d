"""Reports to import: recorded ones under reports/, and copies of them in which something is changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from giqplan.catalog import open_catalog
from giqplan.catalog.importers import read
from giqplan.catalog.importers.assemble import Assembled, assemble, digest_of
from giqplan.catalog.importers.profiles import Given

REPORTS = Path(__file__).resolve().parent / "reports"
GIVEN: Mapping[str, str] = {
    "model_id": "openai/gpt-oss-20b",
    "model_server": "vllm",
    "model_server_version": "0.11.0",
    "accelerator": "nvidia-l4",
    "accelerator_count": "1",
}


def given(columns: Mapping[str, str] = GIVEN, **more: Any) -> Given:
    return Given(columns, **{"served_model_name": "mock/tiny", **more})


def imported(*files: Path, what: Given | None = None) -> Assembled:
    """What is made of the files, as the command line does it."""
    measurements, digests = [], {}
    for file in files:
        config = file.with_name("config.yaml")
        measurements += read(str(file), file.read_bytes(), {"config.yaml": config.read_bytes()} if config.is_file() else {})
        digests[str(file)] = digest_of(file.read_bytes())
    return assemble(measurements, what or given(), open_catalog(), digests)


def stage(folder: Path, number: int, change: Callable[[dict[str, Any]], object] = lambda report: None) -> Path:
    """A copy of the recorded stage 0 in ``folder``, changed; its rate is 4 x (number + 1)."""
    report = json.loads((REPORTS / "run" / "stage_0_lifecycle_metrics.json").read_text(encoding="utf-8"))
    report["load_summary"] |= {"requested_rate": 4.0 * (number + 1), "achieved_rate": 4.0 * (number + 1)}
    report["successes"]["throughput"]["requests_per_sec"] *= number + 1
    report["successes"]["throughput"]["output_tokens_per_sec"] *= number + 1
    change(report)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"stage_{number}_lifecycle_metrics.json"
    file.write_text(json.dumps(report), encoding="utf-8")
    return file


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Sets (or, with ..., removes) what stands at a path of keys with slashes between them."""

    def change(report: dict[str, Any]) -> None:
        *way, last = path.split("/")
        for key in way:
            report = report[key]
        if value is ...:
            del report[last]
        else:
            report[last] = copy.deepcopy(value)

    return change
