"""What is said of a choice that nobody measured: class, interval, what it rests on, and how to measure it."""

from __future__ import annotations

from collections.abc import Iterator

from giqplan.model.estimate import Grade, Spread
from giqplan.model.modelled import Modelled, Published
from giqplan.units import counted

CLASSES = {
    Grade.A: "end-to-end latency within 20 % in at least 80 % of like checks",
    Grade.B: "end-to-end latency within 40 % in at least 80 % of like checks",
    Grade.C: "end-to-end latency farther off than 40 %, or nothing alike was checked",
}
PLANNED = "the plan counts on the bad end of each interval"


def modelled_line(found: Modelled) -> str:
    """In one line that a curve is modelled: its class, what it rests on, and the interval at the operating point."""
    spreads = (("NTPOT", found.ntpot_ms), ("TTFT", found.ttft_ms), ("ITL", found.itl_ms))
    latencies = ", ".join(f"{name} {_spread(value)} ms" for name, value in spreads)
    rate = f"{_spread(found.output_tokens_per_second)} output tokens/s"
    held = f"{counted(round(found.load), 'request')} in a replica"
    return (
        f"class {found.grade.value} ({CLASSES[found.grade]}): {found.basis}; expected at {held}, with 90 % intervals: "
        f"{latencies}, {rate}; {PLANNED}"
    )


def _spread(value: Spread) -> str:
    return f"{_number(value.value)} ({_number(value.low)} to {_number(value.high)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def modelled_rows(found: Modelled) -> Iterator[tuple[str, str]]:
    """Label and text of all that is said of the estimate."""
    yield "class", f"{found.grade.value}: {CLASSES[found.grade]}"
    yield "rests on", found.basis
    yield "at load", f"{found.load:,.2f} requests in the replica, running and waiting"
    yield "", f"{'expected':>16}{'90 % interval':>28}"
    for label, value in (
        ("NTPOT ms", found.ntpot_ms),
        ("TTFT ms", found.ttft_ms),
        ("ITL ms", found.itl_ms),
        ("output tokens/s", found.output_tokens_per_second),
    ):
        yield label, f"{_number(value.value):>16}{f'{_number(value.low)} to {_number(value.high)}':>28}"
    yield "planned with", f"{PLANNED}: the high end of latencies, the low end of throughput"
    for row in found.published:
        yield "published", published_text(row)
    yield "to measure it", "serve it, run inference-perf against it, and take its reports in:"
    yield from (("", line) for line in shell_lines(found.measure))


def shell_lines(command: str) -> Iterator[str]:
    """A command over several lines that a shell takes as one: each pair of flags on its own."""
    first, *flags = command.split(" --")
    pairs = [" ".join(f"--{flag}" for flag in flags[i : i + 2]) for i in range(0, len(flags), 2)]
    lines = [first, *(f"  {pair}" for pair in pairs)]
    yield from (f"{line} \\" for line in lines[:-1])
    yield lines[-1]


def published_text(row: Published) -> str:
    """A row that a page prints, as what it is."""
    numbers = [
        f"{row.output_tokens_per_second:,.0f} output tokens/s" if row.output_tokens_per_second else "",
        *(f"{name} {ms:g} ms" for name, ms in (("NTPOT", row.ntpot_ms), ("TTFT", row.ttft_ms), ("ITL", row.itl_ms)) if ms),
    ]
    if row.usd_per_million_input_tokens is not None and row.usd_per_million_output_tokens is not None:
        numbers.append(f"${row.usd_per_million_input_tokens} input and ${row.usd_per_million_output_tokens} output per million tokens")
    version = f" {row.model_server_version}" if row.model_server_version else ""
    on = f"{row.model_server}{version} on {row.machine_type} ({row.accelerator})"
    note = f"; {row.note}" if row.note else ""
    dated = f" of {row.date}" if row.date else ", undated"
    return f"{on}: {', '.join(n for n in numbers if n)}: one row of {row.source}{dated}; it does not state {', '.join(row.unstated)}{note}"
