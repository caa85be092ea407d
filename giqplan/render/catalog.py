"""The catalog as JSON and as text: its layers and counts; one model, curve or machine with where each figure comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from giqplan.catalog import Catalog, Curve, Machine, Model
from giqplan.catalog.layers import FOLDERS
from giqplan.catalog.schema import TABLES
from giqplan.catalog.tables import Row
from giqplan.model.recommendation import Provenance
from giqplan.render.json import plain
from giqplan.render.page import printable

Json = dict[str, Any]
_POINT = ("load", "qps", "output_tokens_per_second", "ttft_ms", "itl_ms", "ntpot_ms", "queue", "kv_cache")


def overview(catalog: Catalog) -> Json:
    """Layers in order (the last one wins), rows in effect by table, and each model that has curves."""
    keys = {layer.name: _keys(layer.rows, layer.tables()) for layer in catalog.layers}
    layers = []
    for at, layer in enumerate(catalog.layers):
        earlier = [keys[other.name] for other in catalog.layers[:at]]
        tables = {
            table: {
                "rows": count,
                "replacing": sum(any(key in other.get(table, ()) for other in earlier) for key in keys[layer.name][table]),
            }
            for table in layer.tables()
            if (count := sum(1 for _ in layer.rows(table)))
        }
        folder = FOLDERS.get(layer.name)
        layers.append(
            {
                "name": layer.name,
                "date": layer.date,
                "digest": layer.digest,
                "folder": None if folder is None else folder.as_posix(),
                "tables": tables,
            }
        )
    return {
        "date": catalog.date,
        "digest": catalog.digest,
        "layers": layers,
        "rows": {table: sum(1 for _ in catalog.rows(table)) for table in TABLES},
        "models": _models(catalog),
    }


def _keys(rows: Any, tables: Iterable[str]) -> dict[str, set[tuple[str, ...]]]:
    return {table: {tuple(row.text(column) for column in TABLES[table].key) for row in rows(table)} for table in tables}


def _models(catalog: Catalog) -> list[Json]:
    """Models that have curves of their own, with how many of each provenance."""
    points = Counter(row.text("curve") for row in catalog.rows("points"))
    found: dict[str, Json] = {}
    for row in catalog.rows("curves"):
        one = found.setdefault(row.text("model_id"), {"model_id": row.text("model_id"), "curves": Counter(), "points": 0})
        one["curves"][row.text("provenance")] += 1
        one["points"] += points[row.text("key")]
    return [{**found[name], "curves": dict(sorted(found[name]["curves"].items()))} for name in sorted(found)]


def overview_text(found: Json) -> str:
    lines = [f"Catalog of {found['date']}, {found['digest']}", "", "Layers, the last one wins"]
    for layer in found["layers"]:
        lines.append(f"  {layer['name']:9} {layer['date']:10}  {layer['digest']}")
        if layer["folder"]:
            held = (
                f"{table} {n['rows']}" + (f" ({n['replacing']} replace)" if n["replacing"] else "") for table, n in layer["tables"].items()
            )
            lines.append(f"            {layer['folder']}: {', '.join(held)}")
    lines += ["", "Rows in effect", *_table([(table, f"{count:,}") for table, count in found["rows"].items()])]
    kinds = [p.value for p in Provenance]
    rows = [(m["model_id"], *(str(m["curves"].get(kind, 0)) for kind in kinds), str(m["points"])) for m in found["models"]]
    lines += ["", "Curves by provenance", *_table([("model", *kinds, "points"), *rows])]
    return _text(lines)


def _row(catalog: Catalog, table: str, **cells: str) -> Row:
    return next(row for row in catalog.rows(table) if all(row.text(column) == cell for column, cell in cells.items()))


def model(catalog: Catalog, found: Model) -> Json:
    """The model's facts, other names, and curves: its own, then those of models of the same shape."""
    layers = {row.text("key"): catalog.layer_of(row).name for row in catalog.rows("curves")}
    return {
        "model": plain(found),
        "layer": catalog.layer_of(_row(catalog, "models", model_id=found.model_id)).name,
        "aliases": sorted(row.text("alias") for row in catalog.rows("model_aliases") if row.text("model_id") == found.model_id),
        "curves": [_short(curve, layers[curve.key]) for curve in catalog.curves_for(found.model_id)],
    }


def _short(curve: Curve, layer: str) -> Json:
    return {
        "key": curve.key,
        "profile": plain(curve.profile),
        "variant": curve.variant,
        "provenance": curve.provenance.value,
        "statistic": curve.statistic.value,
        "input_tokens": curve.input_tokens,
        "output_tokens": curve.output_tokens,
        "points": len(curve.points),
        "measured_at": curve.measured_at,
        "shared_from": curve.shared_from,
        "layer": layer,
    }


def model_text(found: Json) -> str:
    lines = _facts(found["model"], found["layer"], ("sources",))
    lines += [_fact("other names", ", ".join(found["aliases"]))] if found["aliases"] else []
    lines += [_fact("source", source) for source in found["model"]["sources"]]
    rows = [
        (
            curve["key"],
            _profile(curve),
            f"{curve['input_tokens'] or '?'}/{curve['output_tokens'] or '?'}",
            str(curve["points"]),
            curve["provenance"],
            curve["measured_at"] or "unknown",
            curve["layer"],
            f"of {curve['shared_from']}" if curve["shared_from"] else "",
        )
        for curve in found["curves"]
    ]
    heads = ("curve", "profile", "tokens", "points", "provenance", "measured", "layer", "")
    lines += ["", *(_table([heads, *rows]) if rows else ["No curve."])]
    return _text(lines)


def _profile(curve: Json) -> str:
    p = curve["profile"]
    words = (p["model_server"], p["model_server_version"] or "version unknown", f"{p['accelerator_count']}x{p['accelerator']}")
    return " ".join(word for word in (*words, p["parallelism"], p["precision"], p["serving_stack"], curve["variant"]) if word)


def curve(catalog: Catalog, found: Curve) -> Json:
    row = _row(catalog, "curves", key=found.key)
    return {"curve": plain(found), "layer": catalog.layer_of(row).name}


def curve_text(found: Json) -> str:
    curve, points = found["curve"], found["curve"]["points"]
    told = {**{k: v for k, v in curve.items() if k not in ("profile", "points")}, **curve["profile"]}
    lines = _facts(told, found["layer"], ())
    shown = [name for name in _POINT if any(point[name] is not None for point in points)]
    rows = [(*(_number(point[name]) for name in shown), _judgement(point)) for point in points]
    return _text([*lines, "", *_table([(*shown, ""), *rows])])


def _judgement(point: Mapping[str, Any]) -> str:
    words = (
        f"suspect: {point['suspect']}" if point["suspect"] else "",
        "queue-dominated" if point["queue_dominated"] else "",
        point["note"],
    )
    return "; ".join(word for word in words if word)


def machine(catalog: Catalog, found: Machine) -> Json:
    """The machine, how it is sold, and its prices with note, citation and layer."""
    return {
        "machine": plain(found),
        "layer": catalog.layer_of(_row(catalog, "machines", machine_type=found.machine_type)).name,
        "sold": {
            option: catalog.consumption(found.machine_type, option).answer.value
            for option in ("on-demand", "spot", "flex-start", "reservation", "calendar")
        },
        "regions": list(catalog.regions(found.machine_type)),
        "prices": [
            {
                **{column: row.text(column) for column in ("region", "pricing_model", "usd_per_hour", "quality", "as_of", "note")},
                "source": catalog.cite(row),
                "layer": catalog.layer_of(row).name,
            }
            for row in catalog.rows("prices")
            if row.text("machine_type") == found.machine_type
        ],
    }


def machine_text(found: Json) -> str:
    lines = _facts(found["machine"], found["layer"], ())
    lines.append(_fact("sold", ", ".join(f"{option}: {answer}" for option, answer in found["sold"].items())))
    columns = ("region", "pricing_model", "usd_per_hour", "as_of", "quality", "layer", "note")
    rows = [tuple(price[column] for column in columns) for price in found["prices"]]
    return _text([*lines, "", *(_table([columns, *rows]) if rows else ["No price."])])


def _facts(facts: Mapping[str, Any], layer: str, but: Sequence[str]) -> list[str]:
    """Every known field, a line each."""
    known = {k: v for k, v in facts.items() if k not in but and v not in (None, "", [])}
    return [*(_fact(name, _value(value)) for name, value in known.items()), _fact("layer", layer)]


def _fact(name: str, text: str) -> str:
    return f"  {name:32}  {text}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else _number(value)


def _number(value: Any) -> str:
    return "unknown" if value is None else f"{value:,.10g}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they must be; the first is left-aligned, as are words; numbers are right-aligned."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    right = [all(_is_number(row[at]) for row in rows[1:] or rows) for at in range(len(rows[0]))]
    cells = ([c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)] for row in rows)
    return ["  " + "  ".join(row).rstrip() for row in cells]


def _is_number(text: str) -> bool:
    return text == "unknown" or text.replace(",", "").replace(".", "", 1).isdigit()


def _text(lines: Iterable[str]) -> str:
    return "\n".join(printable(line).rstrip() for line in lines) + "\n"
