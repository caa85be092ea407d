"""Whether the catalog agrees with itself and with physics. Each problem is one line that names the row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import prod

from giqplan.catalog.curves import IDENTITY, MEASURED, curve_key
from giqplan.catalog.schema import QUALITY, TABLES
from giqplan.catalog.store import Catalog
from giqplan.catalog.tables import Row
from giqplan.catalog.values import Accelerator, Answer, Curve, Model, Point
from giqplan.model.recommendation import PricingModel, Provenance

OPTIONS = ("on-demand", "spot", "flex-start", "reservation", "calendar")
_WEIGHT_BYTES = {"bf16": 2.0, "fp8": 1.0, "fp4": 0.5625, "int4": 0.5625, "bitsandbytes": 0.5625}
"""Bytes per parameter; 4 bits carry a scale per 16 values (catalog/README.md)."""
_SERVED = {"mxfp4": "fp4", "nvfp4": "fp4", "fp8": "fp8", "int4": "int4"}
_SHAPE = re.compile(r"tp(\d+)(?:dp(\d+))?(?:pp(\d+))?")

NTPOT_TOLERANCE = 0.03
LITTLE_TOLERANCE = 0.25
"""Of sources whose lengths and rates are nominal: start-up and drain of a run make up to a quarter."""


def verify(catalog: Catalog) -> tuple[str, ...]:
    """Every problem of the catalog; () = none. Raises CatalogError where a table cannot be read at all."""
    checks = (_models, _aliases, _accelerators, _machines, _zones, _prices, _consumption, _use_cases, _published, _maxima, _keys, _curves)
    return tuple(problem for check in checks for problem in check(catalog))


def _at(catalog: Catalog, row: Row) -> str:
    """File and line; of several layers also whose."""
    layer = f"{catalog.layer_of(row).name}: " if len(catalog.layers) > 1 else ""
    return f"{layer}{row.path.name}:{row.line}"


def _models(catalog: Catalog) -> Iterator[str]:
    ids = set(catalog.model_ids())
    for name in catalog.model_ids():
        model = catalog.model(name)
        assert model is not None
        if model.architecture_group and model.architecture_group not in ids:
            yield f"models.csv: {name}: architecture_group {model.architecture_group} is unknown"
        if model.params_active_b and model.params_b and model.params_active_b > model.params_b:
            yield f"models.csv: {name}: more active than total parameters"
        sizes = [s for s in (model.weights_gib_bf16, model.weights_gib_fp8, model.weights_gib_4bit) if s is not None]
        if sizes != sorted(sizes, reverse=True):
            yield f"models.csv: {name}: weight sizes out of order"
        expected = _kv_bytes(model)
        if expected is not None and model.kv_bytes_per_token is not None and model.kv_bytes_per_token != expected:
            yield f"models.csv: {name}: kv_bytes_per_token is {model.kv_bytes_per_token:g}, its shape gives {expected:g}"


def _kv_bytes(model: Model) -> float | None:
    """16-bit keys and values of all layers; of MLA the latent cache."""
    if model.attention in ("gqa", "mqa", "mha") and model.layers and model.kv_heads and model.head_dim:
        return 4.0 * model.layers * model.kv_heads * model.head_dim
    if model.attention == "mla" and model.layers and model.kv_lora_rank and model.qk_rope_head_dim:
        return 2.0 * model.layers * (model.kv_lora_rank + model.qk_rope_head_dim)
    return None


def _aliases(catalog: Catalog) -> Iterator[str]:
    ids = set(catalog.model_ids())
    for row in catalog.rows("model_aliases"):
        if row.text("model_id") not in ids:
            yield f"{_at(catalog, row)}: {row.text('model_id')} is not in models.csv"
        if row.text("alias") in ids:
            yield f"{_at(catalog, row)}: {row.text('alias')} is a model of its own"


def _accelerators(catalog: Catalog) -> Iterator[str]:
    for chip in catalog.accelerators():
        figures = [f for f in (chip.bf16_tflops, chip.fp8_tflops, chip.fp4_tflops) if f]
        if not figures or figures != sorted(figures) or min(chip.memory_gib, chip.memory_bandwidth_gb_s) <= 0:
            yield f"accelerators.csv: {chip.name}: figures out of order"
        if not chip.source or chip.quality not in QUALITY:
            yield f"accelerators.csv: {chip.name}: source or quality"


def _machines(catalog: Catalog) -> Iterator[str]:
    for machine in catalog.machines():
        name = machine.machine_type
        if catalog.accelerator(machine.accelerator) is None:
            yield f"machines.csv: {name}: accelerator {machine.accelerator} is unknown"
        if not machine.source or machine.quality not in QUALITY:
            yield f"machines.csv: {name}: source or quality"
        if not 1 <= machine.memory_gb / machine.vcpu <= 18:
            yield f"machines.csv: {name}: {machine.memory_gb:g} GB on {machine.vcpu} vCPU"
        count = re.search(r"-(\d+)[gt](?:-metal)?$", name)
        if count and int(count[1]) != machine.accelerator_count:
            yield f"machines.csv: {name}: accelerator_count {machine.accelerator_count:g} differs from its name"
        if machine.local_ssd_count and machine.local_ssd_gib != 375 * machine.local_ssd_count:
            yield f"machines.csv: {name}: local SSD comes in pieces of 375 GiB"


def _zones(catalog: Catalog) -> Iterator[str]:
    for row in catalog.rows("zones"):
        zone, region = row.text("zone"), row.text("region")
        if catalog.find_machine(row.text("machine_type")) is None:
            yield f"{_at(catalog, row)}: machine {row.text('machine_type')} is unknown"
        if zone and catalog.region_of(zone) != region:
            yield f"{_at(catalog, row)}: {zone} is not in {region}"
        if not catalog.cite(row) or row.text("quality") not in QUALITY:
            yield f"{_at(catalog, row)}: source or quality"


def _prices(catalog: Catalog) -> Iterator[str]:
    by_place: dict[tuple[str, str, str], dict[str, Decimal]] = defaultdict(dict)
    for row in catalog.rows("prices"):
        machine, region, how = (row.text(c) for c in ("machine_type", "region", "pricing_model"))
        if how not in list(PricingModel):
            yield f"{_at(catalog, row)}: pricing_model {how!r}"
        elif not catalog.offered(machine, region):
            yield f"{_at(catalog, row)}: {machine} is priced in {region}, where zones.csv does not offer it"
        elif (price := catalog.price(machine, region, PricingModel(how))) is not None:
            by_place[catalog.layer_of(row).name, machine, region][how] = price.usd_per_hour
            if not price.source or price.quality not in QUALITY or not re.fullmatch(r"\d{4}(-\d\d){0,2}", price.as_of):
                yield f"{_at(catalog, row)}: source, quality or as_of"
    for (_, machine, region), found in by_place.items():  # one's own price may lie below the list's for a longer commitment
        ladder = [found[how] for how in ("3-years-cud", "1-year-cud", "on-demand") if how in found]
        on_demand = found.get("on-demand")
        lonely = catalog.price(machine, region, PricingModel.ON_DEMAND) is None
        if lonely or ladder != sorted(set(ladder)) or (on_demand is not None and found.get("spot", Decimal(0)) >= on_demand):
            shown = ", ".join(f"{how} {usd}" for how, usd in found.items())
            yield f"prices.csv: {machine} in {region}: order of prices ({shown})"


def _consumption(catalog: Catalog) -> Iterator[str]:
    series = {machine.series for machine in catalog.machines()}
    for row in catalog.rows("consumption_options"):
        name = row.text("machine")
        if name not in series and catalog.find_machine(name) is None:
            yield f"{_at(catalog, row)}: {name} is neither a machine type nor a series"
        if row.text("option") not in OPTIONS:
            yield f"{_at(catalog, row)}: option {row.text('option')!r}"
        if row.member("answer", Answer) is not Answer.UNKNOWN and not catalog.cite(row):
            yield f"{_at(catalog, row)}: an answer without a source"


def _use_cases(catalog: Catalog) -> Iterator[str]:
    found = catalog.use_cases()
    if sum(u.is_default for u in found) != 1:
        yield "use_cases.csv: there must be one default"
    if len({u.slug for u in found}) != len(found):
        yield "use_cases.csv: a slug stands twice"


def _published(catalog: Catalog) -> Iterator[str]:
    for row in catalog.rows("published"):
        machine = catalog.find_machine(row.text("machine_type"))
        if catalog.model(row.text("model_id")) is None:
            yield f"{_at(catalog, row)}: model {row.text('model_id')} is unknown"
        if machine is None or machine.accelerator != row.text("gke_accelerator"):
            yield f"{_at(catalog, row)}: machine {row.text('machine_type')} does not carry {row.text('gke_accelerator')}"
        if not catalog.cite(row) or not row.text("unstated"):
            yield f"{_at(catalog, row)}: without a source, or without what it leaves unsaid"


def _maxima(catalog: Catalog) -> Iterator[str]:
    seen = set()
    for row in catalog.rows("maxima"):
        key = tuple(row.text(column) for column in TABLES["maxima"].key)
        shape, chips = _SHAPE.fullmatch(row.text("parallelism")), row.count("accelerator_count")
        if catalog.model(row.text("model_id")) is None or catalog.accelerator(row.text("gke_accelerator")) is None:
            yield f"{_at(catalog, row)}: model or accelerator unknown"
        if row.text("precision") not in _WEIGHT_BYTES:
            yield f"{_at(catalog, row)}: precision {row.text('precision')!r}"
        if shape is None or prod(int(part or 1) for part in shape.groups()) != chips:
            yield f"{_at(catalog, row)}: parallelism {row.text('parallelism')} on {chips} accelerators"
        if key in seen or not catalog.cite(row):
            yield f"{_at(catalog, row)}: stands twice, or without a source"
        seen.add(key)


def _keys(catalog: Catalog) -> Iterator[str]:
    """Keys are content hashes, and every point belongs to a curve."""
    points: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in catalog.rows("points"):
        points[row.text("curve")].append(_cells(row, MEASURED))
    keys = set()
    for row in catalog.rows("curves"):
        keys.add(row.text("key"))
        content = curve_key(_cells(row, IDENTITY), points[row.text("key")])
        if content != row.text("key"):
            yield f"{_at(catalog, row)}: the key is {row.text('key')}, the content's is {content}"
    for orphan in sorted(set(points) - keys):
        yield f"points.csv: {orphan} is not in curves.csv"


def _cells(row: Row, columns: tuple[str, ...]) -> dict[str, str]:
    return {column: row.text(column) for column in columns}


def _curves(catalog: Catalog) -> Iterator[str]:
    for curve in catalog.curves():
        model, chip = catalog.model(curve.profile.model_id), catalog.accelerator(curve.profile.accelerator)
        if model is None or chip is None or not curve.points or not curve.source:
            yield f"{curve.key}: model, accelerator, points or source unknown"
            continue
        for problem in (*_shape(curve, catalog), *_fits(curve, model, chip)):
            yield f"{curve.key}: {problem}"
        for point in curve.points:
            for problem in (*_latencies(curve, point), *_physics(curve, point, model, chip)):
                yield f"{curve.key} at load {point.load}: {problem}"


def _shape(curve: Curve, catalog: Catalog) -> Iterator[str]:
    profile, loads = curve.profile, [p.load for p in curve.points if p.load is not None]
    if len(set(loads)) != len(loads):
        yield "a load stands twice"
    shape = _SHAPE.fullmatch(profile.parallelism)
    chips = 1
    for part in shape.groups() if shape else ():
        chips *= int(part or 1)
    unsaid = not profile.parallelism and curve.provenance is not Provenance.MEASURED  # Google's API and most reports do not tell it
    if not unsaid and (not shape or (chips != profile.accelerator_count and not profile.accelerator.startswith("tpu"))):
        yield f"parallelism {profile.parallelism} on {profile.accelerator_count} accelerators"
    machine = catalog.find_machine(profile.machine_type)
    if profile.machine_type and (
        machine is None or machine.accelerator != profile.accelerator or machine.accelerator_count < profile.accelerator_count
    ):
        yield f"machine {profile.machine_type} does not carry {profile.accelerator_count} x {profile.accelerator}"


def _bytes_per_parameter(curve: Curve, model: Model) -> float:
    return _WEIGHT_BYTES[curve.profile.precision or _SERVED.get(model.checkpoint_dtype, "bf16")]


def _fits(curve: Curve, model: Model, chip: Accelerator) -> Iterator[str]:
    """The weights, once per data-parallel copy (experts are spread over the copies), fit the accelerators."""
    shape = _SHAPE.fullmatch(curve.profile.parallelism)
    copies = int(shape[2] or 1) if shape and not model.experts else 1
    gib = (model.params_b or 0) * 1e9 * _bytes_per_parameter(curve, model) * copies / 2**30
    if gib >= chip.memory_gib * curve.profile.accelerator_count and not all(p.suspect for p in curve.points):
        yield f"{gib:.0f} GiB of weights do not fit {curve.profile.accelerator_count} x {chip.name}"


def _rounding_ms(point: Point) -> float:
    """By how much each latency may be off: half a millisecond where the source writes whole ones."""
    return 0.5 if all(ms is None or ms == int(ms) for ms in (point.ntpot_ms, point.ttft_ms, point.itl_ms)) else 0.0


def _latencies(curve: Curve, point: Point) -> Iterator[str]:
    if point.ttft_ms is None or point.itl_ms is None or curve.output_tokens is None:
        return
    request_ms = point.ttft_ms + point.itl_ms * (curve.output_tokens - 1)
    mixed = any("a mean" in note for note in curve.notes)  # medians and means do not add up
    expected_ms = request_ms / curve.output_tokens
    apart_ms = abs((point.ntpot_ms or expected_ms) - expected_ms) - 2 * _rounding_ms(point)
    if not mixed and apart_ms >= NTPOT_TOLERANCE * expected_ms:
        yield f"NTPOT {point.ntpot_ms:g} ms against TTFT and ITL, which give {expected_ms:g} ms"
    rate = point.output_tokens_per_second
    if curve.load_kind == "concurrency" and rate and point.load and not point.suspect:
        in_flight = rate * request_ms / 1000 / curve.output_tokens
        if abs(in_flight / point.load - 1) >= LITTLE_TOLERANCE:
            yield f"rate x latency gives {in_flight:.1f} requests in flight (Little's law)"


def _physics(curve: Curve, point: Point, model: Model, chip: Accelerator) -> Iterator[str]:
    """No more FLOPs than the chips have; a step takes at least as long as reading a dense model's weights once."""
    if point.suspect or not (model.params_active_b or model.params_b):
        return
    looked_up = (model.vocab or 0) * (model.hidden or 0) if model.tied_embeddings is False else 0
    active = (model.params_active_b or model.params_b or 0) * 1e9 - looked_up
    size, count = _bytes_per_parameter(curve, model), curve.profile.accelerator_count
    peak = {0.5625: chip.fp4_tflops, 1.0: chip.fp8_tflops}.get(size) or (chip.fp8_tflops if size < 2 else None) or chip.bf16_tflops or 0
    if (rate := point.output_tokens_per_second) and peak:
        cached = any("prefix" in note for note in curve.notes)
        prompts = rate / curve.output_tokens * curve.input_tokens if curve.output_tokens and curve.input_tokens and not cached else 0
        share = 2 * active * (rate + prompts) / (peak * 1e12 * count)
        if share >= 1:
            yield f"{share:.2f} of the peak FLOPs"
    if point.itl_ms and not model.experts:
        floor_ms = active * size / (chip.memory_bandwidth_gb_s * 1e9 * count) * 1e3
        if point.itl_ms + _rounding_ms(point) <= floor_ms:
            yield f"ITL {point.itl_ms:g} ms, reading the weights takes {floor_ms:.2f} ms"
