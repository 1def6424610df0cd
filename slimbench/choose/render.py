"""A choice as text: the terminal, Markdown and JSON."""

from __future__ import annotations

import json
from typing import Any

from tabulate import tabulate

from slimbench.budgets import kinds
from slimbench.choose.choice import (
    OPTIONS,
    RATIO,
    Choice,
    Cost,
    Limit,
    Miss,
    Unjudged,
    figure,
    time_ratio,
)
from slimbench.compare.measures import ALPHA
from slimbench.history.record import Entry, History
from slimbench.metrics.accuracy import TOP1
from slimbench.number_format import apart, fixed
from slimbench.report import numbers
from slimbench.report.notes import clean, escape_markdown, setting
from slimbench.report.quantity import write
from slimbench.spec import Figure, Unmeasured

HEADINGS = ("Model", "Accuracy", "Share of reference time", "Median time", "Size", "Limits")


def rule(decides: Figure) -> str:
    """Say which variant is the best."""
    if decides == TOP1:
        first, then = "highest accuracy", "the faster (paired)"
    else:
        most = "lowest" if decides.better == "less" else "highest"
        first, then = f"{most} {decides.key}", "the more accurate, then the faster (paired)"
    return (
        f"Best is the {first} among those that keep all limits; of equals {then}, then the smaller."
    )


def terminal(choice: Choice, history: History) -> str:
    """Return the answer, the front as a grid, the costs, and what could not be judged."""
    sections = [_head(choice, history), [_front_title(choice), _grid(choice, "grid")]]
    for title, lines in _lists(choice, history):
        sections.append([title, *(f"  {line}" for line in lines)])
    return "\n".join(line for section in sections for line in section)


def markdown(choice: Choice, history: History) -> str:
    """Return the same in GitHub's Markdown."""
    texts = [*_head(choice, history), _front_title(choice)]
    head, best, *rest = (escape_markdown(text) for text in texts)
    parts = [head, f"**{best}**", *rest, _grid(choice, "github")]
    for title, lines in _lists(choice, history):
        parts += [escape_markdown(title), "\n".join(f"- {escape_markdown(line)}" for line in lines)]
    return "\n\n".join(parts)


def as_json(choice: Choice, history: History) -> str:
    """Return one object.

    Sizes are in bytes, times in ms, shares in [0, 1], `latency_ratio` paired; `limit`, `value`
    and `relax_to` are in the unit of the limit's option, `gain` is a difference of shares.
    """
    document = {
        "run": str(history.path),
        "profile": history.profile,
        "status": history.status,
        "engine": choice.candidates[0].case.engine,
        "threads": choice.candidates[0].case.threads,
        "rule": rule(choice.decides),
        "limits": {limit.option: limit.bound for limit in choice.limits},
        "best": _fields(choice.best, choice.decides),
        "not_told_apart": [entry.case.variant for entry in choice.alike],
        "front": [_fields(entry, choice.decides) for entry in choice.front],
        "front_times": "paired" if choice.paired_times else "unpaired",
        "not_on_front_for_want_of_figures": _reasons(choice.unplaced),
        "costs": [
            {
                "limit": cost.limit.option,
                "without": _fields(cost.without, choice.decides),
                "gain": cost.gain,
                "p": cost.p,
            }
            for cost in choice.costs
        ],
        "not_judged": _reasons(choice.unjudged),
        "missing": [
            {"variant": missing.variant, "reason": missing.reason} for missing in history.missing
        ],
        "nearest": None if choice.nearest is None else _miss(choice.nearest),
        "relaxations": [_miss(miss) for miss in choice.relaxations],
    }
    return json.dumps(document, indent=1, allow_nan=False)


def _head(choice: Choice, history: History) -> list[str]:
    case = choice.candidates[0].case
    limits = ", ".join(str(limit) for limit in choice.limits) or "none"
    status = "" if history.status == "complete" else f" ({history.status})"
    lines = [
        f"{clean(history.path.name)}{status}: profile {history.profile}, "
        f"{setting(case.engine, case.threads, 'en')}. Limits: {limits}.",
        _answer(choice),
        rule(choice.decides),
        _indistinguishable(choice),
    ]
    if choice.best is not None and choice.best not in choice.front:
        lines.append(
            "It is not on the front below, since its time or size was not measured or the variant "
            "that beats it breaks a limit that the front does not know."
        )
    return [line for line in lines if line]


def _front_title(choice: Choice) -> str:
    return (
        "Pareto front: no other variant of the run is as good in accuracy, time and size "
        f"({_front_times(choice)})."
    )


def _grid(choice: Choice, style: str) -> str:
    rows = [
        [
            entry.case.variant,
            _accuracy(entry),
            _time_share(entry),
            _median_time(entry),
            _size(entry),
            _kept_limits(choice, entry),
        ]
        for entry in choice.front
    ]
    align = ("left", "right", "right", "right", "right", "left")
    if not rows:
        return tabulate([], HEADINGS, tablefmt=style)
    return tabulate(rows, HEADINGS, tablefmt=style, colalign=align, disable_numparse=True)


def _lists(choice: Choice, history: History) -> list[tuple[str, list[str]]]:
    """Return the headings of the lists below the table, each with its lines."""
    without_verdict = {item.variant for item in choice.unjudged}
    unjudged = [f"{item.variant}: {clean(item.reason)}" for item in choice.unjudged]
    judged_but_unplaced = [
        f"{item.variant}: {clean(item.reason)}"
        for item in choice.unplaced
        if item.variant not in without_verdict
    ]
    missing = [f"{item.variant}: {clean(item.reason)}" for item in history.missing]
    sections = [
        (
            "What each limit costs:",
            [_cost(cost, choice) for cost in choice.costs],
        ),
        ("To relax alone:", [_relaxation(miss) for miss in choice.relaxations]),
        ("Not judged, so not chosen:", unjudged),
        ("Not placed on the front:", judged_but_unplaced),
        ("Missing from the run:", missing),
        ("Before the run:", [clean(text) for text in history.preflight.warnings]),
    ]
    return [(title, lines) for title, lines in sections if lines]


def _fields(entry: Entry | None, decides: Figure) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {
        "variant": entry.case.variant,
        "model_sha256": entry.model_sha256,
        "accuracy_top1": entry.accuracy_top1,
        "accuracy_ci95": None if entry.accuracy_ci95 is None else list(entry.accuracy_ci95),
        "accuracy_n": entry.accuracy_n,
        "accuracy_drop": entry.accuracy_drop,
        "latency_ratio": time_ratio(entry),
        "latency_ms_p50": None if entry.latency_ms is None else entry.latency_ms.p50,
        "size_bytes": entry.size_bytes,
        decides.key: entry.value(decides.key),
    }


def _miss(miss: Miss) -> dict[str, Any]:
    return {
        "variant": miss.entry.case.variant,
        "breaks": [
            {
                "limit": limit.option,
                "value": value,
                "relax_to": limit.relaxed(value),
            }
            for limit, value in miss.broken
        ],
    }


def _reasons(unjudged: tuple[Unjudged, ...]) -> list[dict[str, str]]:
    return [{"variant": item.variant, "reason": item.reason} for item in unjudged]


def _accuracy(entry: Entry) -> str:
    """Write the accuracy with its interval."""
    if entry.accuracy_top1 is None:
        return "not measured"
    share = f"{numbers.percent(entry.accuracy_top1, 'en')} %"
    if entry.accuracy_ci95 is None:
        return share
    low, high = (numbers.percent(bound, "en") for bound in entry.accuracy_ci95)
    return f"{share} [{low}-{high}]"


def _size(entry: Entry) -> str:
    """Write the size of the file."""
    return "not measured" if entry.size_bytes is None else numbers.size(entry.size_bytes, "en")


def _time_share(entry: Entry) -> str:
    """Write the paired time as a share of the reference's."""
    if entry.is_reference:
        return "reference"
    value = time_ratio(entry)
    return "not measured" if value is None else numbers.significant(value, "en")


def _median_time(entry: Entry) -> str:
    """Write the median time of a single invocation, which is unpaired."""
    if entry.latency_ms is None:
        return "not measured"
    return numbers.milliseconds(entry.latency_ms.p50, "en")


def _answer(choice: Choice) -> str:
    """Say which variant is best, or that there is none and what comes nearest."""
    best = choice.best
    if best is not None:
        facts = [_deciding(best, one) for one in dict.fromkeys((choice.decides, TOP1))]
        facts.append(_size(best))
        if best.is_reference:
            facts.append("the reference of its run")
        elif time_ratio(best) is not None:
            facts.append(f"{_time_share(best)} of {best.reference}'s time")
        facts.append(_median_time(best))
        return f"Best: {best.case.variant} ({', '.join(facts)})."
    if not choice.limits or choice.nearest is None:
        return "Best: none, since no variant could be judged."
    nearest = choice.nearest
    excesses = "; ".join(_excess(limit, value) for limit, value in nearest.broken)
    return f"Best: none keeps all limits. Nearest is {nearest.entry.case.variant}: {excesses}."


def _deciding(entry: Entry, decides: Figure) -> str:
    """Write the figure that decides, with its name and unit."""
    if decides == TOP1:
        return f"accuracy {_accuracy(entry)}"
    value = entry.value(decides.key)
    written = "not measured" if value is None else write(value, decides.unit, "en")
    return f"{decides.key} {written}"


def _indistinguishable(choice: Choice) -> str:
    """Name the variants of the front that the images do not tell apart from the best."""
    best = choice.best
    if best is None or not choice.alike:
        return ""
    variants = ", ".join(
        f"{entry.case.variant} ({_speed_and_size(best, entry)})" for entry in choice.alike
    )
    return (
        f"These {best.accuracy_n} images do not tell its accuracy apart (exact McNemar test, "
        f"p >= {ALPHA}) from: {variants}."
    )


def _cost(cost: Cost, choice: Choice) -> str:
    """Compare the best variant without a limit with the best under all limits."""
    best, decides = choice.best, choice.decides
    head = f"without {cost.limit}"
    other = cost.without
    if other is None:
        return f"{head}: nothing keeps the other limits either"
    if other is best:
        return f"{head}: {other.case.variant} all the same, so it costs nothing"
    value = cost.limit.figure(other)
    facts = []
    if isinstance(value, Unmeasured):
        facts.append(f"{cost.limit.kind.metric} not measured: {value.reason}")
    elif cost.limit.kind.figure != decides:  # which is said in any case
        facts.append(_limited_figure(cost.limit, value))
    if best is None or cost.gain is None:
        facts.insert(0, _deciding(other, decides))
    elif cost.gain == 0:
        facts.insert(0, f"as accurate, {_speed_and_size(best, other)}")
    else:
        doubt = "" if cost.p is None or cost.p < ALPHA else f", not significant (p={cost.p:.2g})"
        facts.insert(0, f"accuracy +{numbers.percent(cost.gain, 'en')} points{doubt}")
    return f"{head}: {other.case.variant}, {', '.join(facts)}"


def _relaxation(miss: Miss) -> str:
    """Write the bound at which a limit, all others kept, admits a variant."""
    ((limit, value),) = miss.broken
    bound = fixed(limit.relaxed(value))
    return f"{limit.option} {bound} instead of {fixed(limit.bound)}: {miss.entry.case.variant}"


def _limited_figure(limit: Limit, value: float) -> str:
    """Write the value that a limit bounds, with its unit."""
    kind = limit.kind
    if kind.name == RATIO:
        return f"{numbers.significant(value, 'en')} of the reference's time"
    if kind.figure.key == "accuracy_drop":
        return f"drop {_percent(value)}"
    known = "" if limit.option in OPTIONS else f"{kind.quantity} "
    return f"{known}{write(value, kind.unit, 'en')}"


def _kept_limits(choice: Choice, entry: Entry) -> str:
    """Write the cell of the column "Limits": which limits an entry breaks, if any."""
    verdicts = []
    for limit in choice.limits:
        value = limit.figure(entry)
        if isinstance(value, Unmeasured):
            verdicts.append(f"{limit.option} not judged")
        elif limit.excess(value) > 0:
            verdicts.append(f"breaks {limit.option}")
    if entry is choice.best:
        return "best"
    return ", ".join(verdicts) or "keeps all"


def _excess(limit: Limit, value: float) -> str:
    side = "over" if limit.kind.direction == "max" else "under"
    return f"{limit.kind.label} {apart(value, limit.bound)} is {side} {limit}"


def _speed_and_size(best: Entry, other: Entry) -> str:
    """Write how much faster and smaller another variant is than the best."""
    factors = []
    best_ratio, other_ratio = time_ratio(best), time_ratio(other)
    if best_ratio is not None and other_ratio is not None:
        speedup = best_ratio / other_ratio
        factors.append(numbers.times(speedup, "en", "{factor}x faster", "{factor}x slower"))
    if best.size_bytes is not None and other.size_bytes is not None:
        quotient = best.size_bytes / other.size_bytes
        factors.append(numbers.times(quotient, "en", "{factor}x smaller", "{factor}x larger"))
    factors = [factor for factor in factors if not factor.startswith("1.00")]
    return ", ".join(factors) or "neither faster nor smaller"


def _percent(value: float) -> str:
    return f"{numbers.percent(value, 'en')} %"


def _front_times(choice: Choice) -> str:
    """Say whether the times of the Pareto front are paired, and if not, why."""
    if choice.paired_times:
        return "times paired with the reference's"
    time = figure(kinds()[RATIO], choice.candidates[0])
    why = time.reason if isinstance(time, Unmeasured) else ""
    return f"times are unpaired medians, since speedup was not measured ({why})"
