"""The API's answers as values. Every field is looked at before anything is kept: what is missing, of another type, negative or no
number is a CatalogError (GIQ1225) that names request, profile and field. proto3 JSON leaves zero out: zero and absent are one thing here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from giqplan.errors import CatalogError
from giqplan.model.recommendation import PricingModel
from giqplan.sync.questions import Served, Stack, Workload

_REMEDY = "The catalog is as it was. Try again later; if Google's API has changed, a newer giqplan reads it."
_NEW_ACCELERATOR = (
    "The catalog is as it was. Describe the accelerator in giqplan-catalog/accelerators.csv beside the intent, use a newer giqplan, "
    "or sync the other models: --model."
)
_LONGEST_VALUE = 60
_DEFAULT_RATIO = 4.0
_BILLION = 1_000_000_000
_INT64 = re.compile(r"-?[0-9]{1,19}")
_LARGEST = 1e18
"""No rate, latency or length comes near; what is beyond is no measurement."""


@dataclass(frozen=True)
class Cost:
    """What the API prints a million tokens cost, in US dollars. ``ratio``: of an output token to an input token."""

    pricing_model: PricingModel
    ratio: float
    output: Decimal | None
    input: Decimal | None


@dataclass(frozen=True)
class Stats:
    """One load level; milliseconds, rates per second; None = the API does not say."""

    qps: float
    output_tokens_per_second: float
    ntpot_ms: float
    ttft_ms: float | None
    itl_ms: float | None
    input_tokens_per_second: float | None
    total_tokens_per_second: float | None
    costs: tuple[Cost, ...]


@dataclass(frozen=True)
class UseCase:
    """A workload by name; lengths are average tokens."""

    name: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Profile:
    """One profile with its curve. ``model_info``: the numbers of ModelInfo under their columns' names; lengths None = not said."""

    served: Served
    accelerator: str
    accelerator_count: int
    machine_type: str
    tpu_topology: str
    stack: Stack | None
    use_case: str
    input_tokens: int | None
    output_tokens: int | None
    stats: tuple[Stats, ...]
    model_info: Mapping[str, float] = field(default_factory=dict, compare=False)


class Message:
    """A JSON object of an answer, and where it stands in it."""

    def __init__(self, value: Any, request: str, where: str = "", at: str = "") -> None:
        self._request, self._where, self._at = request, where, at
        if not isinstance(value, Mapping):
            raise self._error("", f"an object is wanted, not {_shown(value)}")
        self._value = value

    def _error(self, name: str, text: str) -> CatalogError:
        field = ".".join(part for part in (self._at, name) if part) or "the answer"
        found = ": ".join(part for part in (self._request, self._where, f"{field}: {text}") if part)
        return CatalogError("GIQ1225", found, _REMEDY)

    def named(self, where: str) -> Message:
        """The same, with errors that say which profile it is."""
        return Message(self._value, self._request, where, "")

    def wrong(self, name: str, text: str) -> CatalogError:
        """The error of a field that holds something impossible."""
        return self._error(name, text)

    def text(self, name: str) -> str:
        found = self.maybe_text(name)
        if not found:
            raise self._error(name, "missing")
        return found

    def maybe_text(self, name: str) -> str:
        return self._text(name, self._value.get(name, ""))

    def _text(self, name: str, found: Any) -> str:
        if not isinstance(found, str):
            raise self._error(name, f"text is wanted, not {_shown(found)}")
        if found != found.strip() or not found.isprintable():
            raise self._error(name, f"{_shown(found)} has spaces around it or control characters in it")
        return found

    def number(self, name: str) -> float:
        found = self.maybe_number(name)
        if found is None:
            raise self._error(name, "missing, or zero")
        return found

    def maybe_number(self, name: str) -> float | None:
        """A number above zero; None = absent, or zero."""
        found = self._value.get(name, 0)
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self._error(name, f"a number is wanted, not {_shown(found)}")
        if not abs(found) <= _LARGEST:  # NaN is not
            raise self._error(name, f"{_shown(found)} is no finite number")
        if found < 0:
            raise self._error(name, f"{found} is negative")
        return found or None

    def whole(self, name: str) -> int:
        found = self.maybe_whole(name)
        if found is None:
            raise self._error(name, "missing, or zero")
        return found

    def maybe_whole(self, name: str) -> int | None:
        found = self.maybe_number(name)
        if found is not None and found != int(found):
            raise self._error(name, f"{found} is no whole number")
        return None if found is None else int(found)

    def message(self, name: str) -> Message:
        if name not in self._value:
            raise self._error(name, "missing")
        return Message(self._value[name], self._request, self._where, ".".join(part for part in (self._at, name) if part))

    def maybe_message(self, name: str) -> Message | None:
        return None if self._value.get(name) is None else self.message(name)

    def texts(self, name: str) -> list[str]:
        """A list of texts, none twice."""
        found = self._list(name)
        for index, item in enumerate(found):
            if not self._text(f"{name}[{index}]", item):
                raise self._error(f"{name}[{index}]", "empty")
        return list(dict.fromkeys(found))

    def messages(self, name: str) -> Iterator[Message]:
        for index, item in enumerate(self._list(name)):
            at = ".".join(part for part in (self._at, f"{name}[{index}]") if part)
            yield Message(item, self._request, self._where, at)

    def amount(self, name: str) -> Decimal | None:
        """An Amount: whole units (64-bit: text in JSON) and billionths of one."""
        found = self.maybe_message(name)
        if found is None:
            return None
        units, nanos = found._integer("units"), found._integer("nanos")
        if units < 0 or not 0 <= nanos < _BILLION:
            raise self._error(name, f"{units} units and {nanos} nanos are no amount")
        return units + Decimal(nanos).scaleb(-9)

    def _integer(self, name: str) -> int:
        found = self._value.get(name, 0)
        if isinstance(found, str) and _INT64.fullmatch(found):
            return int(found)
        if isinstance(found, bool) or not isinstance(found, int) or abs(found) > _LARGEST:
            raise self._error(name, f"a whole number is wanted, not {_shown(found)}")
        return found

    def _list(self, name: str) -> list[Any]:
        found = self._value.get(name, [])
        if not isinstance(found, list):
            raise self._error(name, f"a list is wanted, not {_shown(found)}")
        return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def names(answer: Any, request: str, field: str) -> list[str]:
    """models, modelServers, modelServerVersions, servingStackVersions."""
    return Message(answer, request).texts(field)


def stacks(answer: Any, request: str) -> list[Stack]:
    """servingStacks."""
    return [Stack(item.text("name"), item.maybe_text("version")) for item in Message(answer, request).messages("servingStacks")]


def use_cases(answer: Any, request: str) -> list[UseCase]:
    """workloadSpecs of useCases:fetch."""
    found = Message(answer, request).messages("workloadSpecs")
    return [UseCase(item.text("useCase"), item.whole("averageInputLength"), item.whole("averageOutputLength")) for item in found]


def profiles(answer: Any, request: str, asked: Workload, pricing: PricingModel, accelerators: Collection[str]) -> list[Profile]:
    """The profiles of benchmarkingData:fetch (field ``profile``), each with all its load levels, on one of ``accelerators``."""
    listed = Message(answer, request).messages("profile")
    found = [_profile(item, f"profile[{index}]", asked, pricing) for index, item in enumerate(listed)]
    for index, one in enumerate(found):
        if one.accelerator not in accelerators:
            detail = f"{request}: profile[{index}] ({one.served}): acceleratorType: {one.accelerator} is not in the catalog"
            raise CatalogError("GIQ1229", detail, _NEW_ACCELERATOR)
    return found


def _profile(item: Message, where: str, asked: Workload, pricing: PricingModel) -> Profile:
    item = item.named(where)
    info = item.message("modelServerInfo")
    served = Served(info.text("model"), info.text("modelServer"), info.text("modelServerVersion"))
    if served != asked.served:
        raise item.wrong("modelServerInfo", f"{served} was not asked for, but {asked.served}")
    item = item.named(f"{where} ({served})")
    accelerator, machine_type = item.text("acceleratorType"), item.text("instanceType")
    count = item.message("resourcesUsed").whole("acceleratorCount")
    item = item.named(f"{where} ({served} on {count} x {accelerator}, {machine_type})")
    stack, workload, model = (item.maybe_message(name) for name in ("servingStack", "workloadSpec", "modelInfo"))
    stats = tuple(_stats(one, pricing) for one in item.messages("performanceStats"))
    if not stats:
        raise item.wrong("performanceStats", "missing")
    return Profile(
        served,
        accelerator,
        count,
        machine_type,
        item.maybe_text("tpuTopology"),
        Stack(stack.text("name"), stack.maybe_text("version")) if stack else None,
        (workload.maybe_text("useCase") if workload else "") or asked.use_case,
        workload.maybe_whole("averageInputLength") if workload else None,
        workload.maybe_whole("averageOutputLength") if workload else None,
        stats,
        {column: value for name, column in MODEL_INFO.items() if (value := model.maybe_number(name)) is not None} if model else {},
    )


MODEL_INFO: Mapping[str, str] = {
    "attentionHeadsCount": "attention_heads",
    "headDimensions": "head_dimensions",
    "hiddenLayersCount": "hidden_layers",
    "kvCacheSizePerToken": "kv_cache_size_per_token",
    "kvHeadsCount": "kv_heads",
    "maxContextLength": "max_context",
    "modelSizeGb": "model_size_gb",
    "parametersBillionsCount": "parameters_b",
}
"""Fields of ModelInfo, and the columns of giq_profiles.csv that hold them."""


def _stats(item: Message, pricing: PricingModel) -> Stats:
    return Stats(
        item.number("queriesPerSecond"),
        item.number("outputTokensPerSecond"),
        item.number("ntpotMilliseconds"),
        item.maybe_number("ttftMilliseconds"),
        item.maybe_number("itlMilliseconds"),
        item.maybe_number("inputTokensPerSecond"),
        item.maybe_number("totalTokensPerSecond"),
        tuple(_cost(one, pricing) for one in item.messages("cost")),
    )


def _cost(item: Message, asked: PricingModel) -> Cost:
    text = item.maybe_text("pricingModel") or asked.value
    if text not in list(PricingModel):
        raise item.wrong("pricingModel", f"{text!r} is none of {', '.join(PricingModel)}")
    ratio = item.maybe_number("outputInputCostRatio") or _DEFAULT_RATIO
    return Cost(PricingModel(text), ratio, item.amount("costPerMillionOutputTokens"), item.amount("costPerMillionInputTokens"))
