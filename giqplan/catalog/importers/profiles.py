"""What was measured: the command line's word and the reports' claims together. What both say must agree; what neither says is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import log

from giqplan.catalog.facts import words
from giqplan.catalog.importers.values import Claim, Measurement
from giqplan.catalog.store import Catalog
from giqplan.errors import CatalogError, Place
from giqplan.model.recommendation import Provenance, Statistic

#: Column of curves.csv -> the flag that gives it.
FLAGS = {
    "model_id": "--model",
    "model_server": "--model-server",
    "model_server_version": "--model-server-version",
    "accelerator": "--accelerator",
    "accelerator_count": "--count",
    "machine_type": "--machine-type",
    "precision": "--precision",
    "parallelism": "--parallelism",
    "serving_stack": "--serving-stack",
    "replicas": "--replicas",
    "use_case": "--use-case",
}
PRECISIONS = ("bf16", "fp8", "fp4", "int4", "bitsandbytes")
_NEEDED = ("model_id", "model_server", "accelerator", "accelerator_count")
_SHAPE = re.compile(r"tp[1-9]\d*(dp[1-9]\d*)?(pp[1-9]\d*)?")
_MATCH = log(1.2)
"""How far the lengths of a report may be from those given: what counts as the same workload (design rule 6)."""


@dataclass(frozen=True)
class Given:
    """The command line. ``columns``: column of FLAGS -> what is given. ``served_model_name``: under which the server serves the model.
    ``input_tokens`` and ``output_tokens``: both or none. ``measured_at``: YYYY, YYYY-MM or YYYY-MM-DD."""

    columns: Mapping[str, str] = field(default_factory=dict)
    served_model_name: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    statistic: Statistic | None = None
    measured_at: str = ""
    note: str = ""


def cannot_be(flag: str, detail: str, remedy: str) -> CatalogError:
    return CatalogError("GIQ1224", f"{flag}: {detail}", remedy)


def check_given(given: Given) -> None:
    """Raises CatalogError GIQ1224 where a flag cannot be, whatever the reports say."""
    shape, precision = given.columns.get("parallelism", ""), given.columns.get("precision", "")
    if shape and not _SHAPE.fullmatch(shape):
        raise cannot_be("--parallelism", f"{shape!r} is no parallelism", "Write tp8, tp4dp2 or tp4pp2.")
    if precision and precision not in PRECISIONS:
        raise cannot_be(
            "--precision", f"{precision!r} is not known", f"Use one of {', '.join(PRECISIONS)}; without it, the checkpoint's own."
        )
    for column in ("accelerator_count", "replicas"):
        text = given.columns.get(column, "1")
        if not text.isdigit() or int(text) < 1:
            raise cannot_be(FLAGS[column], f"{text!r} is no number from 1", "Give a whole number.")
    for flag, tokens in (("--input-length", given.input_tokens), ("--output-length", given.output_tokens)):
        if tokens is not None and tokens < 1:
            raise cannot_be(flag, f"{tokens} is no number of tokens", "Give a whole number from 1.")
    if given.measured_at:
        year, *rest = given.measured_at.split("-")
        try:
            date.fromisoformat("-".join((year, *rest, "01", "01")[:3]))
        except ValueError:
            raise cannot_be("--measured-at", f"{given.measured_at!r} is no date", "Write YYYY-MM-DD, YYYY-MM or YYYY.") from None


def profiles(measurements: Iterable[Measurement], given: Given, catalog: Catalog) -> list[dict[str, str]]:
    """The cells of curves.csv that say what was measured, for each measurement. Raises CatalogError GIQ1220 (something is missing),
    GIQ1221 (a contradiction), GIQ1204 and GIQ1205 (unknown machine or accelerator), GIQ1224 (a machine that cannot carry it)."""
    found = [_profile(measurement, given, catalog) for measurement in measurements]
    machines = sorted({cells["machine_type"] for cells in found if cells["machine_type"]})
    if len(machines) > 1 and "accelerator_count" in given.columns:
        detail = f"--count is {given.columns['accelerator_count']}, and the reports are of several machine types: {', '.join(machines)}"
        raise CatalogError("GIQ1221", detail, "Import one at a time: benchmarks list --instance-type of gcloud writes it alone.")
    return found


def _profile(measurement: Measurement, given: Given, catalog: Catalog) -> dict[str, str]:
    said = dict(measurement.said)
    cells = {}
    for column, flag in FLAGS.items():
        own, claim = given.columns.get(column, ""), said.pop(column, None)
        if own and claim and not _AGREE.get(column, _same)(own, claim.text, given, catalog):
            raise disagree(measurement, claim, flag, own)
        cells[column] = own or (claim.text if claim else "")
    cells |= {column: claim.text for column, claim in said.items()}
    cells["replicas"] = cells["replicas"] or "1"
    cells["provenance"] = Provenance.USER.value
    return _checked(_canonical(cells, catalog), measurement, catalog)


def disagree(measurement: Measurement, claim: Claim, flag: str, own: str) -> CatalogError:
    """GIQ1221: ``claim`` of a report against a flag."""
    detail = f"{claim.where} says {claim.text}, {flag} says {own}"
    name = " A server may serve it under another name: --served-model-name." if flag == "--model" else ""
    return CatalogError("GIQ1221", detail, f"Correct the flag, or leave it out; or leave this file out.{name}", measurement.place)


def _canonical(cells: dict[str, str], catalog: Catalog) -> dict[str, str]:
    """One spelling for one thing."""
    model = catalog.model(cells["model_id"]) if cells["model_id"] else None
    return {
        **cells,
        "model_id": model.model_id if model else cells["model_id"],
        "model_server": cells["model_server"].lower(),
        "model_server_version": re.sub(r"^v(?=\d)", "", cells["model_server_version"]),
        "parallelism": cells["parallelism"] or ("tp1" if cells["accelerator_count"] == "1" else ""),
    }


def _checked(cells: dict[str, str], measurement: Measurement, catalog: Catalog) -> dict[str, str]:
    chip = catalog.accelerator(cells["accelerator"]) if cells["accelerator"] else None
    missing = [column for column in _NEEDED if not cells[column]]
    labels = f"The labels are {', '.join(one.name for one in catalog.accelerators())}."
    if cells["accelerator"] and chip is None:
        said = measurement.said.get("accelerator")
        if said is None or said.text != cells["accelerator"]:
            raise CatalogError("GIQ1205", f"{cells['accelerator']} is no accelerator label of GKE that the catalog knows", labels)
        missing.append("accelerator")
    if missing:
        flags = " and ".join(FLAGS[column] for column in missing)
        names = ", ".join(column.replace("_", " ").removesuffix(" id") for column in missing)
        remedy = f"Give {flags}." + (f" {labels}" if "accelerator" in missing else "")
        raise CatalogError("GIQ1220", f"the report does not say {names}", remedy, measurement.place)
    _check_hardware(cells, measurement.place, catalog)
    return cells


def _check_hardware(cells: Mapping[str, str], place: Place, catalog: Catalog) -> None:
    count, shape = int(cells["accelerator_count"]), cells["parallelism"]
    product = 1
    for size in re.findall(r"\d+", shape):
        product *= int(size)
    if shape and product != count and not cells["accelerator"].startswith("tpu"):
        raise cannot_be("--parallelism", f"{shape} takes {product} accelerators, there are {count}", "Correct --parallelism or --count.")
    if not cells["machine_type"]:
        return
    machine = catalog.machine(cells["machine_type"])
    if machine.accelerator != cells["accelerator"] or machine.accelerator_count < count:
        carries = f"{machine.machine_type} carries {machine.accelerator_count:g} x {machine.accelerator}"
        wanted = f"{count} x {cells['accelerator']}"
        raise CatalogError("GIQ1224", f"{carries}, not {wanted}", "Correct --machine-type, --accelerator or --count.", place)


def lengths(measurement: Measurement, given: Given, catalog: Catalog, use_case: str) -> tuple[float, float]:
    """Mean input and output tokens: the report's own, which must match those given; else the given ones, else its use case's."""
    known = catalog.find_use_case(use_case) if use_case else None
    wanted = (given.input_tokens, given.output_tokens)
    if wanted == (None, None) and known is not None:
        wanted = (known.input_tokens, known.output_tokens)
    found = []
    for name, own, want in (("input", measurement.input_tokens, wanted[0]), ("output", measurement.output_tokens, wanted[1])):
        if own and want and abs(log(float(own) / want)) > _MATCH:
            flag = f"--{name}-length" if given.input_tokens else f"use case {use_case}"
            raise disagree(
                measurement, Claim(f"{float(own):g} {name} tokens a request", measurement.where or "the report"), flag, str(want)
            )
        if not own and not want:
            remedy = "Give --input-length and --output-length, or --use-case."
            raise CatalogError("GIQ1220", f"the report does not say the mean {name} tokens", remedy, measurement.place)
        found.append(float(own) if own else float(want or 0))
    return found[0], found[1]


_Agree = Callable[[str, str, Given, Catalog], bool]


def _same(own: str, claim: str, given: Given, catalog: Catalog) -> bool:
    return own.lower() == claim.lower()


def _same_model(own: str, claim: str, given: Given, catalog: Catalog) -> bool:
    if claim in (own, given.served_model_name):
        return True
    one, other = catalog.model(own), catalog.model(claim)
    return own.lower() == claim.lower() or (one is not None and other is not None and one.model_id == other.model_id)


def _same_version(own: str, claim: str, given: Given, catalog: Catalog) -> bool:
    return own.removeprefix("v") == claim.removeprefix("v")


def _same_use_case(own: str, claim: str, given: Given, catalog: Catalog) -> bool:
    return words(own) == words(claim) or (catalog.find_use_case(own) or own) == (catalog.find_use_case(claim) or claim)


def _same_chip(own: str, claim: str, given: Given, catalog: Catalog) -> bool:
    """A label of GKE and a name as drivers and people write it ("NVIDIA-H100-80GB-HBM3", "H100"): chip and, where both say it, memory."""
    if catalog.accelerator(claim) is not None:
        return own == claim
    chip = catalog.accelerator(own)
    ours = _parts(f"{own} {chip.display_name if chip else ''}")
    theirs = _parts(claim)
    chips = {part for part in theirs if not part.endswith("gb")}
    memory = {part for part in theirs if part.endswith("gb")}
    known = {part for part in ours if part.endswith("gb")}
    return bool(chips & ours) and (not memory or not known or bool(memory & known))


def _parts(name: str) -> set[str]:
    """``h100``, ``80gb``, ``v5e``, ``6000``: what of a name has a digit."""
    found = re.findall(r"[a-z]*\d+[a-z]*", re.sub(r"(\d+)[ -]?gb", r" \1gb ", name.lower()))
    return {part for part in found if not part.startswith("hbm")}


_AGREE: Mapping[str, _Agree] = {
    "model_id": _same_model,
    "model_server_version": _same_version,
    "accelerator": _same_chip,
    "use_case": _same_use_case,
}
