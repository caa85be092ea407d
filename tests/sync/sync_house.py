"""A project folder whose sandbox serves a small catalog of its own as Google's: a sync against it as the command line does one."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from giqplan.catalog import open_catalog
from giqplan.catalog.curves import curve_key
from giqplan.catalog.schema import TABLES
from giqplan.cli.main import main
from giqplan.data_files import data_path
from giqplan.sandbox import control
from giqplan.sandbox.faults import Fault
from giqplan.sandbox.log import Entry

MODEL, OTHER, NEW = "openai/gpt-oss-120b", "Qwen/Qwen3-32B", "acme/Anvil-7B"
PROJECT = "my-project"
QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
API = "gkerecommender.googleapis.com"
BENCHMARKS = "/v1/benchmarkingData:fetch"


def curve(model: str = MODEL, *, lengths: tuple[int, int] = (1024, 1024), step_ms: float = 5.0, **cells: str) -> dict[str, Any]:
    """A curve of seven loads: latency and throughput grow with the load."""
    inputs, outputs = lengths
    points = []
    for index, qps in enumerate((0.5, 1, 2, 3, 4, 4.5, 4.75)):
        itl = step_ms * (1 + index / 2)
        ttft = 50.0 * (1 + index)
        ntpot = (ttft + itl * (outputs - 1)) / outputs
        numbers = {"load": qps, "qps": qps, "output_tokens_per_second": qps * outputs, "ttft_ms": ttft, "itl_ms": itl, "ntpot_ms": ntpot}
        points.append({name: repr(value) for name, value in numbers.items()} | {"queue_dominated": "no"})
    head = {
        "provenance": "measured",
        "model_id": model,
        "model_server": "vllm",
        "model_server_version": "0.18.0",
        "accelerator": "nvidia-h100-80gb",
        "accelerator_count": "8",
        "machine_type": "a3-highgpu-8g",
        "input_tokens": str(inputs),
        "output_tokens": str(outputs),
        "statistic": "mean",
        "load_kind": "rate",
        "replicas": "1",
    }
    return {**head, **cells, "points": points}


CURVES = (
    curve(),
    curve(lengths=(128, 128)),
    curve(OTHER, accelerator_count="2", machine_type="a3-highgpu-2g", step_ms=12.0),
    curve(OTHER, serving_stack="llm-d/0.3", accelerator_count="2", machine_type="a3-highgpu-2g", step_ms=11.0),
    curve(NEW, accelerator_count="1", machine_type="a3-highgpu-1g"),
)


def _write(folder: Path, table: str, rows: Iterable[Mapping[str, str]]) -> None:
    with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, TABLES[table].columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def google_catalog(folder: Path, curves: Iterable[Mapping[str, Any]]) -> None:
    """What Google's API shall know: these curves, and a model that no giqplan ships."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(data_path("catalog"), folder)
    rows, points = [], []
    for one in curves:
        cells = {column: one.get(column, "") for column in TABLES["curves"].columns}
        own = [{column: point.get(column, "") for column in TABLES["points"].columns} for point in one["points"]]
        cells["key"] = curve_key(cells, own)
        rows.append(cells)
        points += [{**point, "curve": cells["key"]} for point in own]
    _write(folder, "curves", rows)
    _write(folder, "points", points)
    known = [row.cells() for row in open_catalog(embedded=folder).rows("models")]
    new = {"model_id": NEW, "params_b": "7.5", "layers": "32", "heads": "32", "kv_heads": "8", "head_dim": "128", "max_context": "8192"}
    _write(folder, "models", [*known, {**new, "gated": "unknown"}])


class SyncHouse:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        shutil.copy(QUICKSTART / "inference.yaml", self.file)
        world = {
            "project": {"id": PROJECT, "number": 481516234201},
            "callers": {
                "owner": {"member": "user:owner@example.com", "roles": ["roles/owner"]},
                "reader": {"member": "user:reader@example.com", "roles": ["roles/browser"]},
            },
            "apis": [API],
            "otherProjects": [{"id": "off-project", "number": 481516234202}],
            "catalog": "google",
        }
        (folder / "world.yaml").write_text(yaml.safe_dump(world), encoding="utf-8")
        google_catalog(folder / "google", CURVES)

    @property
    def file(self) -> Path:
        return self.folder / "inference.yaml"

    @property
    def sandbox(self) -> Path:
        return self.folder / ".giqplan" / "sandbox"

    @property
    def layer(self) -> Path:
        return self.folder / ".giqplan" / "catalog"

    @property
    def partial(self) -> Path:
        return self.folder / ".giqplan" / "catalog.partial"

    def start(self) -> None:
        control.start(self.sandbox, world_file=self.folder / "world.yaml")

    def stop(self) -> None:
        if self.sandbox.exists():
            control.stop(self.sandbox)

    def google_knows(self, *curves: Mapping[str, Any]) -> None:
        """From now on the API answers from these curves."""
        self.stop()
        google_catalog(self.folder / "google", curves)
        self.start()

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def fault(self, **what: Any) -> None:
        control.add_fault(self.sandbox, Fault(service="gkerecommender", **what))

    def clear(self) -> None:
        control.clear_faults(self.sandbox)
        control.clear_log(self.sandbox)

    def log(self) -> list[Entry]:
        return [entry for entry in control.log(self.sandbox) if entry.service == "gkerecommender"]

    def run(self, *words: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(words))
        return code, out.getvalue(), err.getvalue()

    def sync(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of one sync against this sandbox."""
        return self.run("catalog", "sync", str(self.file), "--sandbox", *words)

    def synced(self, *words: str) -> dict[str, Any]:
        """What a sync that succeeds says as JSON."""
        code, out, err = self.sync("--format", "json", "--quiet", *words)
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    def refused(self, *words: str) -> dict[str, Any]:
        """The one error of a sync that fails; the layer is as it was."""
        before = self.bytes()
        code, out, err = self.sync("--format", "json", "--quiet", *words)
        assert (code, out) == (1, ""), (out, err)
        assert self.bytes() == before
        (error,) = json.loads(err.strip().splitlines()[-1])["errors"]
        found: dict[str, Any] = error
        return found

    def bytes(self) -> dict[str, bytes]:
        """Every file of the synced layer."""
        return {file.name: file.read_bytes() for file in sorted(self.layer.glob("*"))}

    def rows(self, table: str) -> list[dict[str, str]]:
        with (self.layer / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def answer(self, what: str = BENCHMARKS, body: Any = None) -> Any:
        """What the API answers, as JSON: a page to be spoilt."""
        import requests

        connection = control.connection(self.sandbox)
        told = dict(connection.credentials or {})
        with requests.Session() as http:
            http.verify, http.trust_env = str(self.sandbox / "ca.pem"), False
            form = {key: told[key] for key in ("client_id", "client_secret", "refresh_token")} | {"grant_type": "refresh_token"}
            token = http.post(told["token_uri"], data=form).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}", "X-Goog-User-Project": PROJECT}
            asked = body or {"modelServerInfo": {"model": MODEL, "modelServer": "vllm", "modelServerVersion": "0.18.0"}}
            return http.post(connection.endpoints["gkerecommender"] + what, json=asked, headers=headers).json()
