"""The CSV that ``gcloud container ai profiles benchmarks list`` prints (format csvprofile): one row a load level of a profile.

Facts: gcloud 578.0.0. It has no accelerator count and no percentiles, and does not say which statistic its latencies are. They are whole
milliseconds, so that ITL is taken as it stands. Nothing in a file proves that Google wrote it: its curves are the user's word. The costs
are of gcloud's pricing model at its day and are not taken over.
"""

from __future__ import annotations

from pathlib import PurePath

from giqplan.catalog.importers.rows import Line, lines
from giqplan.catalog.importers.values import Claim, Latency, Measurement
from giqplan.errors import Place

COLUMNS = (
    "Instance Type",
    "Accelerator Type",
    "Model Name",
    "Model Server Name",
    "Model Server Version",
    "Output Tokens/s",
    "NTPOT (ms)",
    "TTFT (ms)",
    "ITL (ms)",
    "QPS",
    "Cost/M Input Tokens",
    "Cost/M Output Tokens",
    "Use Case",
    "Average Input Length",
    "Average Output Length",
    "Serving Stack",
    "Serving Stack Version",
)
FORMAT = "gcloud container ai profiles benchmarks list"
_SAID = {
    "machine_type": "Instance Type",
    "accelerator": "Accelerator Type",
    "model_id": "Model Name",
    "model_server": "Model Server Name",
    "model_server_version": "Model Server Version",
    "use_case": "Use Case",
    "serving_stack": "Serving Stack",
}


def is_gcloud(text: str) -> bool:
    return text.startswith(("Instance Type,", '"Instance Type",'))


def read(file: str, text: str) -> tuple[Measurement, ...]:
    """A measurement for each row. Raises CatalogError GIQ1217, GIQ1219 (columns)."""
    return tuple(_one(line, row) for row, line in enumerate(lines(file, text, COLUMNS), 1))


def _one(line: Line, row: int) -> Measurement:
    said = {name: Claim(line.text(column), f"row {row}, {column}") for name, column in _SAID.items() if line.text(column)}
    version = line.text("Serving Stack Version")
    qps = line.number_in("QPS")
    return Measurement(
        format=FORMAT,
        place=Place(line.file, line.number),
        where=f"row {row}",
        run=str(PurePath(line.file).parent),
        load=qps,
        load_kind="rate",
        qps=qps,
        output_tokens_per_second=line.number_in("Output Tokens/s"),
        ntpot=Latency(unsaid=line.number_in("NTPOT (ms)")),
        ttft=Latency(unsaid=line.number_in("TTFT (ms)")),
        itl=Latency(unsaid=line.number_in("ITL (ms)")),
        itl_is_given=True,
        input_tokens=line.number_in("Average Input Length"),
        output_tokens=line.number_in("Average Output Length"),
        said=said,
        notes=(f"serving stack version {version}",) if version else (),
    )
