"""A choice in words: short sentences that stand alike in a terminal and in Markdown."""

from __future__ import annotations

from slimbench.choose.choice import Choice, Cost, Miss, time_ratio
from slimbench.choose.limits import Limit, figure
from slimbench.compare.measures import ALPHA
from slimbench.history.record import Entry
from slimbench.number_format import apart, fixed
from slimbench.report import numbers
from slimbench.spec import Unmeasured
from slimbench.suite.budgets import KINDS

UNITS = {"MiB": " MiB", "ms": " ms", "share": "", "ratio": ""}

RULE = (
    "Best is the highest accuracy among those that keep all limits; of equals the faster (paired), "
    "then the smaller."
)


def accuracy(entry: Entry) -> str:
    """Write the accuracy with its interval."""
    if entry.accuracy_top1 is None:
        return "not measured"
    share = f"{numbers.percent(entry.accuracy_top1, 'en')} %"
    if entry.accuracy_ci95 is None:
        return share
    low, high = (numbers.percent(bound, "en") for bound in entry.accuracy_ci95)
    return f"{share} [{low}-{high}]"


def size(entry: Entry) -> str:
    """Write the size of the file."""
    return "not measured" if entry.size_bytes is None else numbers.size(entry.size_bytes, "en")


def ratio(entry: Entry) -> str:
    """Write the paired time as a share of the reference's."""
    if entry.is_reference:
        return "reference"
    value = time_ratio(entry)
    return "not measured" if value is None else numbers.significant(value, "en")


def median(entry: Entry) -> str:
    """Write the median time of a single invocation, which is unpaired."""
    if entry.latency_ms is None:
        return "not measured"
    return numbers.milliseconds(entry.latency_ms.p50, "en")


def answer(choice: Choice) -> str:
    """Say which variant is best, or that there is none and what comes nearest."""
    best = choice.best
    if best is not None:
        facts = [f"accuracy {accuracy(best)}", size(best)]
        if best.is_reference:
            facts.append("the reference of its run")
        elif time_ratio(best) is not None:
            facts.append(f"{ratio(best)} of {best.reference}'s time")
        facts.append(median(best))
        return f"Best: {best.case.variant} ({', '.join(facts)})."
    if not choice.limits or choice.nearest is None:
        return "Best: none, since no variant could be judged."
    nearest = choice.nearest
    said = "; ".join(_over(limit, value) for limit, value in nearest.broken)
    return f"Best: none keeps all limits. Nearest is {nearest.entry.case.variant}: {said}."


def alike(choice: Choice) -> str:
    """Name the variants of the front that the images do not tell apart from the best."""
    best = choice.best
    if best is None or not choice.alike:
        return ""
    named = ", ".join(f"{entry.case.variant} ({_besides(best, entry)})" for entry in choice.alike)
    return (
        f"These {best.accuracy_n} images do not tell its accuracy apart (exact McNemar test, "
        f"p >= {ALPHA}) from: {named}."
    )


def cost(cost: Cost, best: Entry | None) -> str:
    """Say what a limit costs."""
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
    elif cost.limit.kind.metric != "accuracy_top1":  # which is said in any case
        facts.append(measure(cost.limit, value))
    if best is None or cost.gain is None:
        facts.insert(0, f"accuracy {accuracy(other)}")
    elif cost.gain == 0:
        facts.insert(0, f"as accurate, {_besides(best, other)}")
    else:
        sure = "" if cost.p is None or cost.p < ALPHA else f", not significant (p={cost.p:.2g})"
        facts.insert(0, f"accuracy +{numbers.percent(cost.gain, 'en')} points{sure}")
    return f"{head}: {other.case.variant}, {', '.join(facts)}"


def relaxation(miss: Miss) -> str:
    """Say how far one limit would have to go to let a variant in."""
    ((limit, value),) = miss.broken
    bound = fixed(limit.relaxed(value))
    return f"{limit.option} {bound} instead of {fixed(limit.bound)}: {miss.entry.case.variant}"


def measure(limit: Limit, value: float) -> str:
    """Write the figure that a limit is about."""
    kind = limit.kind
    if kind.unit == "share":
        return f"{'drop ' if kind.quantity == 'accuracy_drop' else ''}{_percent(value)}"
    if kind.unit == "ratio":
        return f"{numbers.significant(value, 'en')} of the reference's time"
    return f"{numbers.significant(value, 'en')}{UNITS[kind.unit]}"


def kept(choice: Choice, entry: Entry) -> str:
    """Say in a cell whether an entry keeps the limits, and which it breaks."""
    said = []
    for limit in choice.limits:
        value = limit.figure(entry)
        if isinstance(value, Unmeasured):
            said.append(f"{limit.option} not judged")
        elif limit.excess(value) > 0:
            said.append(f"breaks {limit.option}")
    if entry is choice.best:
        return "best"
    return ", ".join(said) or "keeps all"


def _over(limit: Limit, value: float) -> str:
    side = "over" if limit.kind.direction == "max" else "under"
    return f"{limit.kind.label} {apart(value, limit.bound)} is {side} {limit}"


def _besides(best: Entry, other: Entry) -> str:
    """Say what another variant has over the best, or lacks, besides accuracy."""
    said = []
    mine, its = time_ratio(best), time_ratio(other)
    if mine is not None and its is not None:
        said.append(numbers.times(mine / its, "en", "{factor}x faster", "{factor}x slower"))
    if best.size_bytes is not None and other.size_bytes is not None:
        quotient = best.size_bytes / other.size_bytes
        said.append(numbers.times(quotient, "en", "{factor}x smaller", "{factor}x larger"))
    said = [each for each in said if not each.startswith("1.00")]
    return ", ".join(said) or "neither faster nor smaller"


def _percent(value: float) -> str:
    return f"{numbers.percent(value, 'en')} %"


def fronts_times(choice: Choice) -> str:
    """Say what the front's times are."""
    if choice.paired_times:
        return "times paired with the reference's"
    setting = figure(KINDS["latency_ratio_max"], choice.candidates[0])
    why = setting.reason if isinstance(setting, Unmeasured) else ""
    return f"times are unpaired medians, since speedup was not measured ({why})"
