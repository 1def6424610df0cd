"""Whether files can be timed as they were measured: with the runtime, and the options, of then.

Verdicts are about files. Another runtime on one side would be judged with them, unseen; so such a
case is timed only where each side has the runtime that it was measured with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimbench.engines import distributions

if TYPE_CHECKING:
    from slimbench.gate.cases import Pair
    from slimbench.history.record import History

Versions = Mapping[str, str]
"""By distribution."""


@dataclass(frozen=True, slots=True)
class Runtimes:
    """The versions with which each side is timed; `apart` if each has its own environment."""

    baseline: Versions
    candidate: Versions
    apart: bool = False

    def why_not(self, pair: Pair, baseline: History, candidate: History) -> str:
        """Say what keeps a pair from being timed as it was measured, or nothing."""
        distribution = distributions().get(pair.case.engine)
        if distribution is None:
            return (
                f"Runtime unknown: which package runs {pair.case.engine} is not known, so it is "
                "not timed."
            )
        sides = (
            ("baseline", baseline, self.baseline),
            ("candidate", candidate, self.candidate),
        )
        for name, side, environment in sides:
            before, now = side.versions.get(distribution), environment.get(distribution)
            if before is None or before != now:
                of_its_own = self.apart and name == "baseline"
                where = "its environment has" if of_its_own else "here is"
                return _changed(
                    f"the {name} was measured with {distribution} "
                    f"{before or 'of a version that it does not say'}, {where} {now or 'none'}",
                    _way_out(name, distribution, before, self.apart),
                )
        if not self.apart and pair.baseline.runtime_options != pair.candidate.runtime_options:
            options = (pair.baseline.runtime_options, pair.candidate.runtime_options)
            before, now = map(_in_words, options)
            return _changed(
                f"the baseline was measured with {pair.case.engine}'s {before}, the candidate "
                f"with its {now}",
                _way_out("baseline", distribution, baseline.versions[distribution], self.apart),
            )
        return ""

    def same(self, pair: Pair) -> bool:
        """Tell whether both sides of a pair are timed with the same runtime and options."""
        distribution = distributions().get(pair.case.engine, "")
        versions = [each.get(distribution) for each in (self.baseline, self.candidate)]
        return (
            versions[0] == versions[1]
            and pair.baseline.runtime_options == pair.candidate.runtime_options
        )

    def headline(self, pairs: Iterable[Pair]) -> tuple[str, ...]:
        """Say with which runtime each side is timed, where that may be another for each."""
        if not self.apart:
            return ()
        told: dict[str, None] = {}
        for pair in pairs:
            distribution = distributions()[pair.case.engine]
            versions = (self.baseline[distribution], self.candidate[distribution])
            options = (pair.baseline.runtime_options, pair.candidate.runtime_options)
            if options[0] == options[1]:
                both = " | ".join(versions)
            else:
                both = " | ".join(
                    f"{version} ({_in_words(each)})"
                    for version, each in zip(versions, options, strict=True)
                )
            begin = "Each" if self.same(pair) else "Runtime changed, each"
            told[f"{begin} side in its own environment: {distribution} {both}."] = None
        return tuple(told)


def _changed(how: str, way_out: str) -> str:
    return f"Runtime changed: {how}. Files are judged, not runtimes, so latency is not{way_out}."


def _way_out(name: str, distribution: str, version: str | None, apart: bool) -> str:
    """Say how each side can be timed with its own runtime; none is known without a version."""
    if version is None:
        return ""
    package = f"{distribution}=={version}"
    if name == "candidate":
        return f"; run the gate where {package} is installed"
    if apart:
        return f"; install {package} in that environment"
    return f"; --runtime-baseline ENV, with {package} in it, times each side with its own"


def _in_words(options: Mapping[str, str]) -> str:
    if not options:
        return "default options"
    return "options " + ", ".join(f"{name}={value}" for name, value in sorted(options.items()))
