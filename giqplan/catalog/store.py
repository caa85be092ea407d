"""The catalog: look-ups over the tables of its layers, each table read when it is first asked for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from giqplan.catalog import curves as curve_tables
from giqplan.catalog import facts
from giqplan.catalog.check import check
from giqplan.catalog.kept import Kept, kept_beside
from giqplan.catalog.layers import Layer, embedded_layer, layers_of
from giqplan.catalog.places import is_zone, nearness, region_of
from giqplan.catalog.schema import ESTIMATOR, TABLES
from giqplan.catalog.tables import Row, broken
from giqplan.catalog.values import Accelerator, Answer, Consumption, Curve, Machine, Maximum, Model, Point, Source, UseCase
from giqplan.errors import CatalogError
from giqplan.model.modelled import Published
from giqplan.model.recommendation import Price, PricingModel
from giqplan.units import digest

T = TypeVar("T")


def open_catalog(home: Path | None = None, *, embedded: Path | None = None) -> Catalog:
    """The catalog that giqplan ships, below the layers that stand in ``home``, the folder of the intent: the synced one, then the user's.
    ``embedded``: another folder in the place of what is shipped. Raises CatalogError where a layer is missing, broken or of another
    schema."""
    catalog = Catalog((embedded_layer(embedded), *(layers_of(home) if home else ())), kept_beside(home))
    for layer in catalog.layers[1:]:
        layer.read()
    _ = catalog.date  # reads every catalog.json
    for layer in catalog.layers[1:]:
        if not layer.checked:
            check(layer, catalog.sources)
    return catalog


class Catalog:
    """Curves, prices, machines and models with their sources. Equal files give an equal ``digest``. Look-ups raise CatalogError
    (GIQ1201, GIQ1202) where a table they need is missing or broken. Of ``layers`` the first holds every table; a row of a later one
    stands in the place of those with the same key."""

    def __init__(self, layers: Sequence[Layer], kept: Kept | None = None) -> None:
        self.layers = tuple(layers)
        self.kept = kept or Kept()
        self._added: dict[str, Model] = {}
        self._models: dict[str, Model | None] = {}  # what was asked for once: the intents of a folder ask for the same again and again
        self._curves_of: dict[str, tuple[Curve, ...]] = {}

    def rows(self, table: str) -> Iterable[Row]:
        """The lines of a table, without those that a later layer replaces."""
        first, *later = self.layers
        found = [layer for layer in later if table in layer.tables()]
        if not TABLES[table].shipped:
            return self._merged(table, found)
        return self._merged(table, [first, *found]) if found else first.rows(table)

    def _merged(self, table: str, layers: Sequence[Layer]) -> Iterable[Row]:
        columns = TABLES[table].key
        found = [[(tuple(row.text(c) for c in columns), row) for row in layer.rows(table)] for layer in layers]
        last = {key: index for index, pairs in enumerate(found) for key, _ in pairs}
        return (row for index, pairs in enumerate(found) for key, row in pairs if last[key] == index)

    def layer_of(self, row: Row) -> Layer:
        """The layer that a row stands in."""
        return next(layer for layer in self.layers if layer.root == row.path.parent)

    @property
    def date(self) -> str:
        """The newest date that stands in the data of any layer."""
        return max(layer.date for layer in self.layers)

    @cached_property
    def digest(self) -> str:
        """Of one layer its own; of several ``sha256:<hex>`` over their names and digests, in order."""
        if len(self.layers) == 1:
            return self.layers[0].digest
        return digest([[layer.name, layer.digest] for layer in self.layers])

    def _indexed(self, table: str, column: str, parse: Callable[[Row], T]) -> dict[str, T]:
        """A table by its key column; a key that stands twice is an error."""
        found: dict[str, T] = {}
        for row in self.rows(table):
            key = row.text(column)
            if key in found:
                raise row.error(f"{column} {key} stands twice")
            found[key] = parse(row)
        return found

    @cached_property
    def calibration(self) -> Mapping[str, Any] | None:
        """What the estimator was calibrated to (estimator.json of the first layer); None = it holds none."""
        first = self.layers[0]
        if not first.has(ESTIMATOR):
            return None
        try:
            found = json.loads(first.bytes_of(ESTIMATOR))
        except (ValueError, RecursionError) as error:
            raise broken(first.root / ESTIMATOR, f"not JSON: {error}", getattr(error, "lineno", 0)) from error
        return found if isinstance(found, dict) else None

    # Sources

    @cached_property
    def sources(self) -> dict[str, Source]:
        return self._indexed("sources", "id", facts.source)

    def cite(self, row: Row, column: str = "source") -> str:
        """The citation that a row's source id stands for; "" = none."""
        return facts.named_source(row, self.sources, column).citation

    # Models

    @cached_property
    def _model_rows(self) -> dict[str, Row]:
        return self._indexed("models", "model_id", lambda row: row)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Every name of a model in lower case -> its id; an id wins over an alias."""
        aliases = {row.text("alias").lower(): row.text("model_id") for row in self.rows("model_aliases")}
        return {**aliases, **{name.lower(): name for name in self._model_rows}}

    def model(self, id_or_alias: str) -> Model | None:
        """The model of that id or alias, in any letter case; None = the catalog does not know it."""
        name = id_or_alias.strip().lower()
        return self._added.get(name) or self._model(self._names.get(name, ""))

    def with_model(self, model: Model, *names: str) -> Catalog:
        """This catalog with one more model under its id and ``names``, in the place of what it has under them; curves, prices and digest
        stay those of the files."""
        found = copy(self)
        found._added = self._added | {name.strip().lower(): model for name in (model.model_id, *names)}
        found._curves_of = {}
        return found

    def _model(self, model_id: str) -> Model | None:
        if model_id not in self._models:
            row = self._model_rows.get(model_id)
            self._models[model_id] = None if row is None else facts.model(row, self.cite)
        return self._models[model_id]

    def model_ids(self) -> tuple[str, ...]:
        """All ids, in order."""
        return tuple(sorted(self._model_rows))

    def closest_models(self, text: str, count: int = 3) -> tuple[str, ...]:
        """Ids for "did you mean", the nearest first: by whole id, alias, or the part behind the owner."""
        from difflib import get_close_matches

        wanted = text.strip().lower()
        names = {name.rpartition("/")[2]: model for name, model in self._names.items()} | self._names
        found = [names[n] for n in get_close_matches(wanted, names, n=3 * count, cutoff=0.6)]
        found += [names[n] for n in get_close_matches(wanted.rpartition("/")[2], names, n=3 * count, cutoff=0.6)]
        return tuple(dict.fromkeys(found))[:count]

    def accelerator_hint(self, text: str) -> str:
        """For a label that is none: those that hold its words or are written alike, else all."""
        from difflib import get_close_matches

        known, wanted = sorted(one.name for one in self.accelerators()), text.strip().lower()
        near = [name for name in known if wanted.removeprefix("nvidia-") in name][:3] or get_close_matches(wanted, known, 3)
        return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"

    # Curves

    @cached_property
    def _curve_rows(self) -> dict[str, Row]:
        return self._indexed("curves", "key", lambda row: row)

    @cached_property
    def _point_rows(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows("points"):
            found[row.text("curve")].append(row)
        return found

    @cached_property
    def _groups(self) -> dict[str, list[str]]:
        """Architecture group -> the models of it that have curves."""
        found: dict[str, list[str]] = defaultdict(list)
        for model_id in sorted({row.text("model_id") for row in self._curve_rows.values()}):
            row = self._model_rows.get(model_id)
            group = row.text("architecture_group") if row else ""
            if group:
                found[group].append(model_id)
        return found

    def curve(self, key: str) -> Curve | None:
        """The curve of that key, as measured."""
        row = self._curve_rows.get(key)
        return None if row is None else curve_tables.curve(row, self._point_rows.get(key, ()), facts.named_source(row, self.sources))

    def curves(self) -> tuple[Curve, ...]:
        """All curves, in order of the file."""
        return tuple(found for key in self._curve_rows if (found := self.curve(key)))

    def bare_curves(self) -> Iterator[Curve]:
        """All curves without their points, which ``points`` gives one after the other: together they need little memory."""
        return (curve_tables.curve(row, (), facts.named_source(row, self.sources)) for row in self._curve_rows.values())

    def points(self) -> Iterator[tuple[str, Point]]:
        """Every point with its curve's key, in order of the file."""
        replicas = {key: row.count("replicas") for key, row in self._curve_rows.items()}
        for row in self.rows("points"):
            key = row.text("curve")
            if key in replicas:
                yield key, curve_tables.point(row, replicas[key])

    def curves_for(self, model_id: str) -> tuple[Curve, ...]:
        """Curves of the model, then those of its siblings (the same architecture group) with ``shared_from``; none = ()."""
        asked = self.model(model_id)
        if asked is None:
            return ()
        if asked.model_id not in self._curves_of:
            self._curves_of[asked.model_id] = self._curves_for(asked)
        return self._curves_of[asked.model_id]

    def _curves_for(self, asked: Model) -> tuple[Curve, ...]:
        siblings = [m for m in self._groups.get(asked.architecture_group, ()) if m != asked.model_id]
        found = []
        for name in (asked.model_id, *siblings):
            keys = sorted(key for key, row in self._curve_rows.items() if row.text("model_id") == name)
            for curve in (c for key in keys if (c := self.curve(key))):
                if name == asked.model_id:
                    found.append(curve)
                else:
                    dtype = self._model_rows[name].text("checkpoint_dtype")
                    found.append(curve_tables.shared(curve, dtype, asked.checkpoint_dtype))
        return tuple(found)

    # Accelerators and machines

    @cached_property
    def _accelerators(self) -> dict[str, Accelerator]:
        return self._indexed("accelerators", "gke_accelerator", lambda row: facts.accelerator(row, self.cite))

    def accelerator(self, name: str) -> Accelerator | None:
        """By GKE label (nvidia-h100-80gb)."""
        return self._accelerators.get(name)

    def accelerators(self) -> tuple[Accelerator, ...]:
        return tuple(self._accelerators.values())

    @cached_property
    def _machines(self) -> dict[str, Machine]:
        return self._indexed("machines", "machine_type", lambda row: facts.machine(row, self.cite))

    def machine(self, machine_type: str) -> Machine:
        """The machine type. Raises CatalogError GIQ1204 for one the catalog does not know; ``find_machine`` answers None."""
        found = self.find_machine(machine_type)
        if found is None:
            known = ", ".join(sorted(self._machines))
            raise CatalogError("GIQ1204", f"{machine_type} is not in the catalog", f"Known machine types: {known}.")
        return found

    def find_machine(self, machine_type: str) -> Machine | None:
        return self._machines.get(machine_type)

    def machines(self) -> tuple[Machine, ...]:
        return tuple(self._machines.values())

    def machines_for(self, accelerator: str) -> tuple[Machine, ...]:
        """Machines that carry the accelerator, fewest accelerators first."""
        found = (m for m in self._machines.values() if m.accelerator == accelerator)
        return tuple(sorted(found, key=lambda m: (m.accelerator_count, m.vcpu, m.machine_type)))

    # Where and how machines are sold

    @cached_property
    def _zones(self) -> dict[str, dict[str, set[str]]]:
        """Machine type -> region -> zones; an empty set = the region is known, its zones are not."""
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for row in self.rows("zones"):
            zones = found[row.text("machine_type")][row.text("region")]
            if row.text("zone"):
                zones.add(row.text("zone"))
        return found

    def offered(self, machine_type: str, location: str) -> Answer:
        """Whether a region or zone has the machine; ``UNKNOWN``: the catalog knows no place of it, or the region but not its zones."""
        regions = self._zones.get(machine_type)
        if not regions:
            return Answer.UNKNOWN
        region = region_of(location)
        if region not in regions:
            return Answer.NO
        if not is_zone(location):
            return Answer.YES
        if not regions[region]:
            return Answer.UNKNOWN
        return Answer.YES if location in regions[region] else Answer.NO

    def regions(self, machine_type: str) -> tuple[str, ...]:
        """Regions that have the machine, in order."""
        return tuple(sorted(self._zones.get(machine_type, ())))

    def zones(self, machine_type: str, region: str) -> tuple[str, ...]:
        """Known zones of a region that have the machine, in order."""
        return tuple(sorted(self._zones.get(machine_type, {}).get(region, ())))

    def region_of(self, location: str) -> str:
        return region_of(location)

    @cached_property
    def _price_rows(self) -> dict[tuple[str, str, str], Row]:
        found: dict[tuple[str, str, str], Row] = {}
        for row in self.rows("prices"):
            key = (row.text("machine_type"), row.text("region"), row.text("pricing_model"))
            if key in found:
                raise row.error(f"the price of {' '.join(key)} stands twice")
            found[key] = row
        return found

    def price(self, machine_type: str, region: str, pricing_model: PricingModel) -> Price | None:
        """US dollars an hour of the whole machine; None = no price here, or the machine is not offered here (design rule 6)."""
        row = self._price_rows.get((machine_type, region, pricing_model.value))
        if row is None or not self.offered(machine_type, region):
            return None
        return facts.price(row, self.cite)

    def price_regions(self, machine_type: str, pricing_model: PricingModel, near: str = "") -> tuple[str, ...]:
        """Regions where ``price`` answers, in order of name; with ``near`` those first that are near it by name."""
        found = (r for m, r, how in self._price_rows if m == machine_type and how == pricing_model.value and self.offered(m, r))
        return tuple(sorted(found, key=lambda region: nearness(near, region) if near else (0, region)))

    @cached_property
    def _consumption(self) -> dict[tuple[str, str], Consumption]:
        return {
            (r.text("machine"), r.text("option")): Consumption(r.member("answer", Answer), self.cite(r))
            for r in self.rows("consumption_options")
        }

    def consumption(self, machine_type: str, option: str) -> Consumption:
        """Whether the machine is sold by ``option``: on-demand, spot, flex-start, reservation, calendar; a committed use discount is
        billing on on-demand machines, so 1-year-cud and 3-years-cud answer as on-demand. A row of the type wins over its series'."""
        if option in (PricingModel.ONE_YEAR_CUD, PricingModel.THREE_YEARS_CUD):
            option = PricingModel.ON_DEMAND
        machine = self.find_machine(machine_type)
        own = self._consumption.get((machine_type, option))
        series = self._consumption.get((machine.series, option)) if machine else None
        return own or series or Consumption(Answer.UNKNOWN, "")

    # What others have published

    def published(self, model_id: str, accelerator: str = "") -> tuple[Published, ...]:
        """Rows that somebody printed of the model, on ``accelerator`` ("" = any), in order of the file."""
        asked = self.model(model_id)
        rows = (row for row in self.rows("published") if asked is not None and row.text("model_id") == asked.model_id)
        return tuple(facts.published(row, self.cite) for row in rows if accelerator in ("", row.text("gke_accelerator")))

    def maxima(self) -> tuple[Maximum, ...]:
        """The most that replicas were ever said to serve, in order of the file."""
        return tuple(facts.maximum(row, self.cite) for row in self.rows("maxima"))

    # Use cases

    @cached_property
    def _told_use_cases(self) -> dict[str, str]:
        return {row.text("curve"): row.text("use_case") for row in self.rows("giq_profiles")}

    def told_use_case(self, curve_key: str) -> str:
        """The name of the use case that Google's API gives a synced curve; "" = it gives none, or the curve is not Google's."""
        told = self._told_use_cases.get(curve_key, "")
        known = self.find_use_case(told) if told else None
        return known.name if known is not None else told

    @cached_property
    def _use_cases(self) -> tuple[UseCase, ...]:
        return tuple(facts.use_case(row, self.cite) for row in self.rows("use_cases"))

    def use_cases(self) -> tuple[UseCase, ...]:
        """Every named workload, the default included; ``kind`` tells use cases from distributions."""
        return self._use_cases

    def find_use_case(self, text: str) -> UseCase | None:
        """By name, slug or the API's spelling, in any letter case, words parted by spaces, hyphens or underscores; None = unknown."""
        wanted = facts.words(text)
        return next((u for u in self._use_cases if wanted in {facts.words(n) for n in (u.name, u.slug, u.api_token) if n}), None)

    def use_case(self, text: str) -> UseCase:
        """Like ``find_use_case``; raises CatalogError GIQ1203 for an unknown one."""
        found = self.find_use_case(text)
        if found is None:
            from difflib import get_close_matches

            names = [use_case.name for use_case in self._use_cases]
            near = get_close_matches(facts.words(text), by_words := {facts.words(name): name for name in names}, 1)
            meant = f"did you mean {by_words[near[0]]}? " if near else ""
            raise CatalogError(
                "GIQ1203", f"{text!r} is no use case", f"{meant}use one of: {', '.join(names)}; or give inputTokens and outputTokens"
            )
        return found
