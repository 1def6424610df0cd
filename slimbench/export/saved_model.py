"""The SavedModel that an exported file was converted from, where this checkout knows its step."""

from __future__ import annotations

from collections.abc import Iterator

from slimbench.build import recipe
from slimbench.build.scheduler import Failure, build
from slimbench.build.store import Artifact, Store
from slimbench.errors import UsageProblem
from slimbench.export.source import Source
from slimbench.history import rebuild_command
from slimbench.progress import BuildProgress
from slimbench.spec import Choices, Step, Unmeasured
from slimbench.steps.export import Export
from slimbench.suite import variants


def export_step(source: Source, weights: str | None) -> Export | Unmeasured:
    """Return the step whose SavedModel the exported file was converted from.

    It is looked for in the variant of that name, if its chain has the key of the exported file.

    Args:
        source: what is exported.
        weights: whose weights it was made from, as `Choices` has it; None takes what was noted.
    """
    noted = source.notes.get("weights")
    chosen = weights or (noted if noted in ("imagenet", "random") else None)
    choices = Choices() if chosen is None else Choices(weights=chosen)
    variant = variants.all_variants(source.entries[0].dataset, choices).get(source.variant)
    if variant is None:
        if rebuild_command.is_user_profile(source.history.profile):
            return Unmeasured("it came from a file of its user's (--model), which is its source")
        return Unmeasured(f"no variant of this checkout is called {source.variant}")
    if recipe.key(variant.chain, source.history.seed) != source.artifact.key:
        hint = ", or its weights came from a folder (--weights)" if noted == "folder" else ""
        return Unmeasured(
            "the code, versions or seed that made the file are not those of this checkout" + hint
        )
    return next(_exports(variant.chain), Unmeasured("no step of its chain writes a SavedModel"))


def find(
    step: Export | Unmeasured, source: Source, store: Store, progress: BuildProgress | None
) -> Artifact | Unmeasured:
    """Return the artifact of that step.

    With `progress` it is built where the store lacks it.

    Raises:
        UsageProblem: It should be built and cannot be.
    """
    if isinstance(step, Unmeasured):
        return step
    seed = source.history.seed
    artifact = store.find(recipe.key(step, seed))
    if artifact is not None:
        return artifact
    if progress is None:
        return Unmeasured("the store has it no longer; --build makes it again")
    store.prepare()
    with progress:
        result = build([step], seed, store, progress).results[step]
    if isinstance(result, Failure):
        raise UsageProblem(f"The SavedModel of {source.variant} was not built: {result.reason}")
    return result


def _exports(step: Step) -> Iterator[Export]:
    if isinstance(step, Export):
        yield step
        return
    for before in step.inputs:
        yield from _exports(before)
