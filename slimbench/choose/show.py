"""A choice as people read it, in the terminal and in Markdown, and as programs do, in JSON."""

from __future__ import annotations

import json
from typing import Any

from tabulate import tabulate

from slimbench.choose import words
from slimbench.choose.choice import Choice, Miss, Unjudged, time_ratio
from slimbench.history.record import Entry, History
from slimbench.report.remarks import clean, setting

HEADINGS = ("Model", "Accuracy", "Share of reference time", "Median time", "Size", "Limits")


def terminal(choice: Choice, history: History) -> str:
    """Return the answer, the front as a grid, the costs, and what could not be judged."""
    sections = [_head(choice, history), [_front_title(choice), _grid(choice, "grid")]]
    for title, lines in _lists(choice, history):
        sections.append([title, *(f"  {line}" for line in lines)])
    return "\n".join(line for section in sections for line in section)


def markdown(choice: Choice, history: History) -> str:
    """Return the same in GitHub's Markdown."""
    head, best, *rest = (_escaped(line) for line in _head(choice, history))
    parts = [head, f"**{best}**", *rest, _escaped(_front_title(choice)), _grid(choice, "github")]
    for title, lines in _lists(choice, history):
        parts += [_escaped(title), "\n".join(f"- {_escaped(line)}" for line in lines)]
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
        "rule": words.RULE,
        "limits": {limit.option: limit.bound for limit in choice.limits},
        "best": _fields(choice.best),
        "not_told_apart": [entry.case.variant for entry in choice.alike],
        "front": [_fields(entry) for entry in choice.front],
        "front_times": "paired" if choice.paired_times else "unpaired",
        "not_on_front_for_want_of_figures": _named(choice.unplaced),
        "costs": [
            {
                "limit": cost.limit.option,
                "without": _fields(cost.without),
                "gain": cost.gain,
                "p": cost.p,
            }
            for cost in choice.costs
        ],
        "not_judged": _named(choice.unjudged),
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
        words.answer(choice),
        words.RULE,
        words.alike(choice),
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
        f"({words.fronts_times(choice)})."
    )


def _grid(choice: Choice, style: str) -> str:
    rows = [
        [
            entry.case.variant,
            words.accuracy(entry),
            words.ratio(entry),
            words.median(entry),
            words.size(entry),
            words.kept(choice, entry),
        ]
        for entry in choice.front
    ]
    align = ("left", "right", "right", "right", "right", "left")
    if not rows:
        return tabulate([], HEADINGS, tablefmt=style)
    return tabulate(rows, HEADINGS, tablefmt=style, colalign=align, disable_numparse=True)


def _lists(choice: Choice, history: History) -> list[tuple[str, list[str]]]:
    unjudged = [f"{each.variant}: {clean(each.reason)}" for each in choice.unjudged]
    judged_but_unplaced = [
        f"{each.variant}: {clean(each.reason)}"
        for each in choice.unplaced
        if each.variant not in {other.variant for other in choice.unjudged}
    ]
    missing = [f"{each.variant}: {clean(each.reason)}" for each in history.missing]
    sections = [
        ("What each limit costs:", [words.cost(cost, choice.best) for cost in choice.costs]),
        ("To relax alone:", [words.relaxation(miss) for miss in choice.relaxations]),
        ("Not judged, so not chosen:", unjudged),
        ("Not placed on the front:", judged_but_unplaced),
        ("Missing from the run:", missing),
        ("Before the run:", [clean(text) for text in history.preflight.warnings]),
    ]
    return [(title, lines) for title, lines in sections if lines]


def _fields(entry: Entry | None) -> dict[str, Any] | None:
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


def _named(unjudged: tuple[Unjudged, ...]) -> list[dict[str, str]]:
    return [{"variant": each.variant, "reason": each.reason} for each in unjudged]


def _escaped(text: str) -> str:
    """Keep recorded text from being read as markup."""
    for character in "\\`*_[]<>|~":
        text = text.replace(character, f"\\{character}")
    return text
