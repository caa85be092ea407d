"""Build catalog/ from a folder of source tables: python scripts/build_catalog.py SOURCE_DIR [TARGET_DIR]

Reads models.csv, model_aliases.csv, accelerators.csv, machines.csv, prices.csv, zones.csv, use_cases.csv, measured_points.csv and
measured_trtllm_max_throughput.csv of SOURCE_DIR. The same input gives the same bytes. catalog/README.md explains the tables.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from giqplan.catalog.curves import MEASURED, curve_key
from giqplan.catalog.layer import cell, source_of
from giqplan.catalog.schema import SCHEMA_VERSION, TABLES

Rows = list[dict[str, str]]

STATISTICS = {
    "p50": ("p50", ""),
    "mean": ("mean", ""),
    "mean (source does not say mean or median)": ("mean or median, unsaid", ""),
    "p50 or mean": ("mean or median, unsaid", ""),
    # One word must stand for all three latencies: the one that claims less.
    "p50 (itl mean)": ("mean or median, unsaid", "TTFT and NTPOT are medians, ITL is a mean"),
    "p50 (ntpot mean)": ("mean or median, unsaid", "TTFT and ITL are medians, NTPOT is a mean"),
}

#: Beginning of a source's curve id -> (serving stack, variant). What is not here is a plain server.
STACKS = {
    "llmd-llm-d": ("llm-d", ""),
    "kubeai-PrefixHash": ("kubeai", "PrefixHash routing"),
    "kubeai-LeastLoad": ("kubeai", "LeastLoad routing"),
    "ip-vllm+v0_engine": ("", "v0 engine"),
    "ip-vllm+eagle": ("", "eagle speculative decoding"),
    "ip-vllm+batch_size": ("", "batch size tuned"),
    "ip-vllm+chunking_and_prefix_caching": ("", "chunked prefill and prefix caching tuned"),
}

_ACCELERATOR_PAGE = "Google's accelerator-optimized machines page, quoted in public repositories (facts only)"
_CONSUMPTION_PAGE = "docs.cloud.google.com/cluster-director/docs/choose-consumption-option (facts only)"
OPTIONS = ("on-demand", "spot", "flex-start", "reservation", "calendar")
#: Machine type or series -> (answers in the order of OPTIONS, source).
CONSUMPTION = {
    "a3-highgpu-1g": ("no yes yes no no", _ACCELERATOR_PAGE),
    "a3-highgpu-2g": ("no yes yes no no", _ACCELERATOR_PAGE),
    "a3-highgpu-4g": ("no yes yes no no", _ACCELERATOR_PAGE),
    "a3-highgpu-8g": ("yes yes yes yes unknown", _ACCELERATOR_PAGE),
    "a2": ("yes yes yes yes unknown", _ACCELERATOR_PAGE),
    "g2": ("yes yes yes yes unknown", _ACCELERATOR_PAGE),
    "g4": ("yes yes yes yes unknown", _ACCELERATOR_PAGE),
    "a3-megagpu-8g": ("yes yes yes yes yes", _CONSUMPTION_PAGE),
    "a3-ultragpu-8g": ("unknown yes yes yes yes", _CONSUMPTION_PAGE),
    "a4-highgpu-8g": ("no yes yes yes yes", _CONSUMPTION_PAGE),
    "a4x-highgpu-4g": ("no no no yes no", _CONSUMPTION_PAGE),
}


#: Rows that a page prints alone, of an undated page; ``unstated`` is what it does not say of them.
PUBLISHED = (
    {
        "model_id": "openai/gpt-oss-20b",
        "model_server": "vllm",
        "model_server_version": "gptoss",
        "gke_accelerator": "nvidia-h100-80gb",
        "machine_type": "a3-highgpu-1g",
        "output_tokens_per_second": "13335",
        "ntpot_ms": "67",
        "ttft_ms": "297",
        "itl_ms": "",
        "usd_per_million_input_tokens": "0.009",
        "usd_per_million_output_tokens": "0.035",
        "unstated": "load;token lengths;statistic;date of the measurement;release of the server",
        "note": "the answer to --pricing-model=on-demand --target-ttft-milliseconds=300; the version printed names no release",
        "date": "",
        "source": "GKE Inference Quickstart documentation page",
    },
)


class Sources:
    """Citations, each once; a table holds their ids."""

    def __init__(self) -> None:
        self._citations: dict[str, str] = {}

    def id(self, citation: str) -> str:
        if not citation:
            return ""
        key = source_of(citation).id
        if self._citations.setdefault(key, citation) != citation:
            raise SystemExit(f"two citations share the id {key}")
        return key

    def rows(self) -> Rows:
        return [{"id": k, "citation": c, "licence": _licence(c), "date": _date(c)} for k, c in sorted(self._citations.items())]


def _licence(citation: str) -> str:
    """Licence names that stand in the citation."""
    found = re.findall(r"Apache-2\.0|MPL-2\.0|MIT\b|CC-BY-4\.0|facts only", citation)
    return "; ".join(dict.fromkeys(found)) or "not stated"


def _date(citation: str) -> str:
    return max(re.findall(r"\b20\d\d-\d\d-\d\d\b", citation), default="")


def _read(folder: Path, name: str) -> Rows:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def _number(text: str) -> str:
    """One spelling for one number: 4.0 -> 4, 128.475449000 -> 128.475449."""
    return cell(float(text) if text else None)


def _table(rows: Iterable[dict[str, str]], columns: tuple[str, ...]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _cited(rows: Rows, sources: Sources) -> Rows:
    """The rows with ids in their ``*source`` columns."""
    return [{c: sources.id(v) if c.endswith("source") else v for c, v in row.items()} for row in rows]


def _whole_mean(rows: Rows, column: str) -> str:
    values = [float(r[column]) for r in rows if r[column]]
    return str(round(fmean(values))) if values else ""


def _one_citation(rows: Rows) -> str:
    """The citation of a curve whose points stand in one file each: the folder of the files."""
    found = sorted({r["source"] for r in rows})
    if len(found) == 1:
        return found[0]
    common = found[0]
    for other in found[1:]:
        while not other.startswith(common):
            common = common[:-1]
    return common.rpartition("/")[0] + f"/ ({len(found)} files)"


def _point(row: dict[str, str]) -> dict[str, str]:
    names = {"output_tokens_per_second": "output_tok_per_s"}
    measured = {column: _number(row.get(names.get(column, column), "")) for column in MEASURED}
    flag = {"True": "yes", "False": "no"}[row["queue_dominated"]]
    return {**measured, "suspect": row["suspect"], "queue_dominated": flag, "note": row["qa_note"]}


def _curve(rows: Rows, sources: Sources) -> dict[str, str]:
    first = rows[0]
    stack, variant = next((found for start, found in STACKS.items() if first["curve_id"].startswith(start)), ("", ""))
    statistic, mixed = STATISTICS[first["stat"]]
    lengths = {(r["isl"], r["osl"]) for r in rows}
    notes = [mixed, *sorted({f"derived: {r['derived']}" for r in rows if r["derived"]})]
    if len(lengths) > 1:
        notes.append("lengths are means of the points', which were measured at each rate")
    return {
        "provenance": first["kind"],
        "model_id": first["model_id"],
        "model_server": first["model_server"],
        "model_server_version": first["server_version"],
        "accelerator": first["gke_accelerator"],
        "accelerator_count": _number(first["accelerator_count"]),
        "machine_type": first["instance_type"],
        "precision": first["precision"],
        "parallelism": first["parallelism"],
        "serving_stack": stack,
        "variant": variant,
        "input_tokens": _whole_mean(rows, "isl"),
        "output_tokens": _whole_mean(rows, "osl"),
        "statistic": statistic,
        "load_kind": first["load_kind"],
        "replicas": _number(first["replicas"]) or "1",
        "measured_at": first["measured_at"],
        "image": first["image"],
        "source_curve": first["curve_id"],
        "source": sources.id(_one_citation(rows)),
        "note": "; ".join(n for n in notes if n),
    }


#: Source columns that make one curve; lengths may vary a little within one (they were measured).
_SAME_CURVE = (
    *("kind", "curve_id", "model_id", "model_server", "server_version", "image", "gke_accelerator", "accelerator_count"),
    *("instance_type", "replicas", "precision", "parallelism", "load_kind", "stat", "measured_at"),
)


def build_curves(rows: Rows, sources: Sources) -> tuple[Rows, Rows]:
    """(curves, points), in order of model, source's curve id and load."""
    groups: dict[tuple[str, ...], Rows] = defaultdict(list)
    for row in rows:
        groups[tuple(row[c] for c in _SAME_CURVE)].append(row)
    curves: dict[str, dict[str, str]] = {}
    points: dict[str, Rows] = {}
    for group in groups.values():
        measured = sorted((_point(r) for r in group), key=lambda p: (not p["load"], float(p["load"] or 0), float(p["ntpot_ms"] or 0)))
        curve = _curve(group, sources)
        key = curve_key(curve, measured)
        if key in curves:
            raise SystemExit(f"{curve['source_curve']} and {curves[key]['source_curve']} are the same curve {key}")
        curves[key] = {"key": key, **curve}
        points[key] = [{"curve": key, **p} for p in measured]
    order = sorted(curves, key=lambda k: (curves[k]["model_id"], curves[k]["source_curve"], k))
    return [curves[k] for k in order], [p for k in order for p in points[k]]


def build_maxima(rows: Rows, sources: Sources) -> Rows:
    """One row a maximum of an accelerator that GKE has, in order. TensorRT-LLM's DEP splits attention by requests, experts over all."""
    found = [
        {
            "model_id": row["model_id"],
            "gke_accelerator": row["gke_accelerator"],
            "accelerator_count": _number(row["num_gpus"]),
            "precision": row["precision"].lower(),
            "parallelism": _split(row["parallelism"]),
            "input_tokens": _number(row["isl"]),
            "output_tokens": _number(row["osl"]),
            "output_tokens_per_second": _number(row["output_tok_per_s_total"]),
            "note": f"{row['model_server']}, {row['load']}; stated {'per GPU' if row['note'].endswith('/GPU') else 'of all GPUs'}",
            "source": sources.id(row["source"]),
        }
        for row in rows
        if row["gke_accelerator"]
    ]
    order = TABLES["maxima"].key
    return sorted(found, key=lambda row: [(0, float(row[c]), "") if row[c].isdecimal() else (1, 0.0, row[c]) for c in order])


def _split(text: str) -> str:
    """In the curves' words: DEP4 -> tp1dp4, TP4PP2 -> tp4pp2."""
    sizes = {name.lower(): int(size) for name, size in re.findall(r"(DEP|TP|PP)(\d+)", text)}
    parts = {"tp": sizes.get("tp", 1), "dp": sizes.get("dep", 1), "pp": sizes.get("pp", 1)}
    return "".join(f"{name}{size}" for name, size in parts.items() if size > 1 or name == "tp")


def consumption(machines: Rows, sources: Sources) -> Rows:
    """One row per machine or series and option; where no source says anything the row says unknown."""
    rows = []
    covered = {m["machine_type"] for m in machines if m["machine_type"] in CONSUMPTION or m["series"] in CONSUMPTION}
    silent = sorted({m["machine_type"] for m in machines} - covered)
    table = {**CONSUMPTION, **{name: (" ".join(["unknown"] * len(OPTIONS)), "") for name in silent}}
    for name, (answers, citation) in sorted(table.items()):
        for option, answer in zip(OPTIONS, answers.split(), strict=True):
            source = "" if answer == "unknown" else sources.id(citation)
            rows.append({"machine": name, "option": option, "answer": answer, "source": source})
    return rows


def _latest(tables: dict[str, Rows], sources: Sources) -> str:
    """The newest full date that stands in the data: prices, measurements, citations."""
    dates = [r["as_of"] for r in tables["prices"]] + [r["measured_at"] for r in tables["curves"]] + [r["date"] for r in sources.rows()]
    return max(d for d in dates if re.fullmatch(r"\d{4}-\d\d-\d\d", d))


def build(source: Path) -> dict[str, str]:
    """File name -> content."""
    sources = Sources()
    tables = {
        name: _cited(_read(source, name), sources)
        for name in ("models", "model_aliases", "accelerators", "machines", "prices", "zones", "use_cases")
    }
    tables["accelerators"] = [
        {c: v for c, v in r.items() if c not in ("machine_types", "giq_price_region")} for r in tables["accelerators"]
    ]
    tables["consumption_options"] = consumption(tables["machines"], sources)
    tables["published"] = _cited([dict(row) for row in PUBLISHED], sources)
    tables["curves"], tables["points"] = build_curves(_read(source, "measured_points"), sources)
    tables["maxima"] = build_maxima(_read(source, "measured_trtllm_max_throughput"), sources)
    tables["sources"] = sources.rows()
    files = {f"{name}.csv": _table(rows, tuple(rows[0])) for name, rows in tables.items()}
    about = {"schema_version": SCHEMA_VERSION, "date": _latest(tables, sources)}
    files["catalog.json"] = json.dumps(about, indent=2) + "\n"
    return files


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("usage: build_catalog.py SOURCE_DIR [TARGET_DIR]\n")
        return 1
    target = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).resolve().parent.parent / "catalog"
    target.mkdir(parents=True, exist_ok=True)
    for name, content in build(Path(arguments[0])).items():
        (target / name).write_text(content, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
