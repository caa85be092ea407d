"""All curves and points of a catalog as numpy columns: built once for a catalog's digest, kept as files, read by memory map.

A folder holds ``columns.json`` and one .npy file a column. It is only a copy of the catalog: what is missing, broken or of another
digest is built again, and where nothing can be written the columns are made in memory.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giqplan.catalog.ladders import LATENCIES, RATES, Ladders, Points, ladders
from giqplan.catalog.levels import MIN_LOADS
from giqplan.catalog.values import Curve, Point
from giqplan.catalog.versions import newest
from giqplan.model.profiles import Hardware
from giqplan.model.recommendation import Profile, Provenance, Statistic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from giqplan.catalog.store import Catalog

    Arrays = dict[str, NDArray[Any]]

FORMAT = 1
HEADER = "columns.json"
PREFIX = "catalog-"
NAMED = (
    "model_id",
    "model_server",
    "model_server_version",
    "hardware",
    "precision",
    "parallelism",
    "serving_stack",
    "variant",
    "provenance",
    "statistic",
    "measured_at",
    "source",
)
"""Columns of curves that hold codes; ``Columns.names`` says what they stand for."""

MEASURED = ("load", "qps", "output_tokens_per_second", "ttft_ms", "itl_ms", "ntpot_ms")
UNKNOWN_LENGTH = 0


@dataclass(frozen=True)
class Columns:
    """Curves in order of key. ``names``: column -> what its codes stand for, in order, "" for what nobody states.

    ``curves``: per curve ``key`` (bytes), the codes of NAMED, ``input_tokens`` and ``output_tokens`` (0 = unknown), ``loads``
    (levels.trustworthy_loads) and ``newest``: whether its version is the newest that could be chosen for its model, server, accelerator
    and stack. ``points``: as measured, per replica, MEASURED (NaN = unknown) and ``suspect``, ``queue_dominated``; ``point_starts``
    as in ladders.Points. ``ladders``: the curves that are asked (docs/curves.md).
    """

    digest: str
    names: Mapping[str, tuple[str, ...]]
    hardware: tuple[Hardware, ...]
    curves: Mapping[str, NDArray[Any]]
    points: Mapping[str, NDArray[Any]]
    point_starts: NDArray[np.int64]
    ladders: Ladders

    def __len__(self) -> int:
        return len(self.curves["key"])

    @property
    def nbytes(self) -> int:
        """Bytes of all columns, as files and, once touched, in memory."""
        return sum(column.nbytes for column in _arrays(self).values())

    def name(self, column: str, curve: int) -> str:
        return self.names[column][int(self.curves[column][curve])]

    def key(self, curve: int) -> str:
        return bytes(self.curves["key"][curve]).decode()

    def hardware_of(self, curve: int) -> Hardware:
        return self.hardware[int(self.curves["hardware"][curve])]

    def profile(self, curve: int) -> Profile:
        hardware = self.hardware_of(curve)
        return Profile(
            model_id=self.name("model_id", curve),
            model_server=self.name("model_server", curve),
            model_server_version=self.name("model_server_version", curve),
            accelerator=hardware.accelerator,
            accelerator_count=hardware.accelerator_count,
            machine_type=hardware.machine_type,
            precision=self.name("precision", curve),
            parallelism=self.name("parallelism", curve),
            serving_stack=self.name("serving_stack", curve),
        )

    def provenance(self, curve: int) -> Provenance:
        return Provenance(self.name("provenance", curve))

    def statistic(self, curve: int) -> Statistic:
        return Statistic(self.name("statistic", curve))


def open_columns(catalog: Catalog, cache: Path | None = None) -> Columns:
    """The columns of ``catalog``; with ``cache`` (``.giqplan/cache``) from its folder there, which is made where it is missing and takes
    the place of those of other catalogs. Raises CatalogError where a table is broken."""
    if cache is None:
        return build(catalog.bare_curves(), catalog.digest, catalog.points())
    folder = cache / (PREFIX + catalog.digest.removeprefix("sha256:")[:16])
    found = load(folder, catalog.digest)
    if found is None:
        found = build(catalog.bare_curves(), catalog.digest, catalog.points())
        try:
            save(found, folder)
        except OSError:  # a read-only folder or a full disk: the answer is the same, only slower
            return found
        for other in cache.glob(PREFIX + "*"):
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
    return found


class _Codes:
    """Gives each name a number."""

    def __init__(self) -> None:
        self.codes: dict[Any, int] = {}
        self.column = array("i")

    def add(self, name: Any) -> None:
        self.column.append(self.codes.setdefault(name, len(self.codes)))


class _PointColumns:
    """Points as they come, each with the number of its curve."""

    def __init__(self) -> None:
        self.curve = array("q")
        self.measured = {column: array("d") for column in MEASURED}
        self.flags = {column: bytearray() for column in ("suspect", "queue_dominated")}

    def add(self, curve: int, point: Point) -> None:
        self.curve.append(curve)
        for column, values in self.measured.items():
            value = getattr(point, column)
            values.append(float("nan") if value is None else value)
        self.flags["suspect"].append(bool(point.suspect))
        self.flags["queue_dominated"].append(point.queue_dominated)

    def ordered(self, place: NDArray[np.int64]) -> tuple[Arrays, NDArray[np.int64]]:
        """In order of curve, ``place`` saying where each stands, and of load (as Curve.points); and where each curve begins."""
        import numpy as np

        points: Arrays = {column: np.array(values) for column, values in self.measured.items()}
        points |= {column: np.frombuffer(bytes(values), np.bool_) for column, values in self.flags.items()}
        curve = place[np.array(self.curve, np.int64)]
        rows = np.lexsort((np.nan_to_num(points["ntpot_ms"]), np.nan_to_num(points["load"]), np.isnan(points["load"]), curve))
        starts = np.concatenate(([0], np.cumsum(np.bincount(curve, minlength=len(place)))))
        return {column: values[rows] for column, values in points.items()}, starts


def build(curves: Iterable[Curve], digest: str, points: Iterable[tuple[str, Point]] = ()) -> Columns:
    """The columns of ``curves`` with their points, and of ``points``, each with its curve's key: all are read once, one after the other,
    and none is kept."""
    import numpy as np

    named = {column: _Codes() for column in NAMED}
    lengths = {column: array("i") for column in ("input_tokens", "output_tokens")}
    measured = _PointColumns()
    number: dict[str, int] = {}
    for curve in curves:
        number[curve.key] = len(number)
        for column, codes in named.items():
            codes.add(_named(curve, column))
        for column, values in lengths.items():
            values.append(getattr(curve, column) or UNKNOWN_LENGTH)
        for point in curve.points:
            measured.add(number[curve.key], point)
    for key, point in points:
        if key in number:
            measured.add(number[key], point)
    keys = np.array([key.encode() for key in number], dtype="S")
    order = np.argsort(keys, kind="stable")
    names = {column: tuple(map(str, codes.codes)) for column, codes in named.items() if column != "hardware"}
    per_curve: Arrays = {"key": keys[order]}
    per_curve |= {column: np.array(codes.column, np.int32)[order] for column, codes in named.items()}
    per_curve |= {column: np.array(values, np.int32)[order] for column, values in lengths.items()}
    of_points, starts = measured.ordered(np.argsort(order))
    per_curve["loads"] = _loads(of_points, starts)
    hardware = tuple(named["hardware"].codes)
    per_curve["newest"] = _newest(per_curve, names, hardware)
    return Columns(digest, names, hardware, per_curve, of_points, starts, _ladders(per_curve, of_points, starts))


def _named(curve: Curve, column: str) -> Hardware | str:
    profile = curve.profile
    if column == "hardware":
        return Hardware(profile.accelerator, profile.accelerator_count, profile.machine_type)
    return str(getattr(profile if hasattr(profile, column) else curve, column))


def _loads(points: Arrays, starts: NDArray[np.int64]) -> NDArray[np.int32]:
    """levels.trustworthy_loads of every curve."""
    import numpy as np

    curve = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    load = np.where(np.isnan(points["load"]), points["qps"], points["load"])
    good = ~points["suspect"] & ~points["queue_dominated"]
    curve, load = curve[good], load[good]
    order = np.lexsort((load, curve))
    curve, load = curve[order], load[order]
    first = np.ones(len(curve), bool)
    first[1:] = (curve[1:] != curve[:-1]) | ~((load[1:] == load[:-1]) | (np.isnan(load[1:]) & np.isnan(load[:-1])))
    return np.bincount(curve[first], minlength=len(starts) - 1).astype(np.int32)


def _ladders(curves: Arrays, points: Arrays, starts: NDArray[np.int64]) -> Ladders:
    import numpy as np

    out = np.where(curves["output_tokens"] == UNKNOWN_LENGTH, np.nan, curves["output_tokens"])
    return ladders(
        Points(
            starts=starts,
            output_tokens=np.repeat(out, np.diff(starts)),
            suspect=points["suspect"],
            queued=points["queue_dominated"],
            **{column: points[column] for column in MEASURED},
        )
    )


def _newest(curves: Arrays, names: Mapping[str, tuple[str, ...]], hardware: tuple[Hardware, ...]) -> NDArray[np.bool_]:
    """Curves that could be chosen decide (recommend/question.py); where none of a family could, all of it do."""
    import numpy as np

    accelerators = {name: i for i, name in enumerate(sorted({h.accelerator for h in hardware}))}
    accelerator = np.array([accelerators[h.accelerator] for h in hardware], np.int32)[curves["hardware"]]
    plain = np.array([not name for name in names["variant"]], bool)[curves["variant"]]
    sure = plain & (curves["loads"] >= MIN_LOADS) & (curves["input_tokens"] > 0) & (curves["output_tokens"] > 0)
    version = curves["model_server_version"]
    columns = (curves["model_id"], curves["model_server"], accelerator, curves["serving_stack"])
    known, family = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    family = family.reshape(-1)
    wanted = np.full(len(known), -1, np.int32)
    seen: tuple[dict[int, set[str]], dict[int, set[str]]] = ({}, {})
    for one, code, good in np.unique(np.stack((family, version, sure), axis=1), axis=0).tolist():
        seen[0].setdefault(one, set()).add(names["model_server_version"][code])
        if good:
            seen[1].setdefault(one, set()).add(names["model_server_version"][code])
    codes = {name: i for i, name in enumerate(names["model_server_version"])}
    for one, every in seen[0].items():
        wanted[one] = codes.get(newest(seen[1].get(one, set())) or newest(every), codes.get("", -1))
    found: NDArray[np.bool_] = version == wanted[family]
    return found


def _arrays(columns: Columns) -> Arrays:
    """Every column under the name of its file."""
    rungs = columns.ladders
    found: Arrays = {f"curve.{name}": column for name, column in columns.curves.items()}
    found |= {f"point.{name}": column for name, column in columns.points.items()}
    found |= {f"level.{name}": column for name, column in rungs.levels.items()}
    found |= {f"complete.{name}": column for name, column in rungs.complete.items()}
    return found | {"points": columns.point_starts, "levels": rungs.starts, "top": rungs.top, "saturated": rungs.saturated}


def save(columns: Columns, folder: Path) -> None:
    """Write the columns into ``folder``, which is there whole or not at all; one that is there already stays if it can be read."""
    import numpy as np

    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".columns-", dir=folder.parent))
    try:
        arrays = _arrays(columns)
        for name, column in arrays.items():
            np.save(staged / f"{name}.npy", column, allow_pickle=False)
        header = {
            "format": FORMAT,
            "digest": columns.digest,
            "names": columns.names,
            "hardware": [[h.accelerator, h.accelerator_count, h.machine_type] for h in columns.hardware],
            "lengths": {name: len(column) for name, column in arrays.items()},
        }
        (staged / HEADER).write_text(json.dumps(header), encoding="utf-8")
        if load(folder, columns.digest) is None:
            shutil.rmtree(folder, ignore_errors=True)
            staged.replace(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def load(folder: Path, digest: str) -> Columns | None:
    """The columns in ``folder``, memory-mapped; None where they are missing, broken, or not of ``digest``."""
    import numpy as np

    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        if header["format"] != FORMAT or header["digest"] != digest:
            return None
        found: Arrays = {}
        for name, length in header["lengths"].items():
            # an empty file cannot be mapped; a plain array over the map spares each look the cost of numpy's memmap class
            mapped = np.load(folder / f"{name}.npy", mmap_mode="r" if length else None, allow_pickle=False)
            if len(mapped) != length:
                return None
            found[name] = mapped.view(np.ndarray)
        return _columns(header, found)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _columns(header: Mapping[str, Any], found: Arrays) -> Columns:
    def part(prefix: str) -> Arrays:
        return {name.removeprefix(prefix): column for name, column in found.items() if name.startswith(prefix)}

    levels = {name: found[f"level.{name}"] for name in (*RATES, *LATENCIES)}
    complete = {name: found[f"complete.{name}"] for name in LATENCIES}
    return Columns(
        digest=header["digest"],
        names={name: tuple(values) for name, values in header["names"].items()},
        hardware=tuple(Hardware(*values) for values in header["hardware"]),
        curves=part("curve."),
        points=part("point."),
        point_starts=found["points"],
        ladders=Ladders(found["levels"], levels, found["top"], found["saturated"], complete),
    )
