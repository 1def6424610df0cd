"""What the reports say, in English and French.

One dataclass holds every phrase, so that a language that lacks one does not pass the type check.
Names of variants, engines and budgets, and reasons recorded in a history, are data and are shown
as they are.
"""

# ruff: noqa: RUF001 (the multiplication sign and the dash are meant)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Lang = Literal["en", "fr"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language; `{...}` are filled in by the report that uses them."""

    model: str
    engine: str
    threads: str
    reduction: str
    against_keras: str
    reference: str

    nothing: str
    interval: str
    equal: str
    faster: str
    slower: str
    smaller: str
    larger: str
    kibibyte: str
    mebibyte: str
    byte: str
    millisecond: str

    context: str
    setting: str
    settings: str
    scored: str
    history: str
    no_commit: str
    chart: str
    status_complete: str
    status_partial: str
    status_interrupted: str
    broken: str
    broken_row: str
    over: str
    under: str
    not_judged: str
    missing: str
    unreadable: str
    unreadable_row: str
    warnings: str
    notes: str

    chart_times: str
    chart_times_axis: str
    chart_p90: str
    chart_sizes: str
    chart_sizes_axis: str
    chart_raw: str
    chart_gzip: str
    chart_not_measured: str
    chart_pareto: str
    chart_pareto_x: str
    chart_pareto_y: str
    chart_accuracy: str
    chart_front: str
    chart_dominated: str
    chart_no_accuracy: str
    chart_left_out: str

    page_title: str
    page_budgets: str
    budget_counts: str
    page_dirty: str
    page_sorting: str
    page_figures: str
    page_charts: str
    page_missing: str
    page_machine: str
    taken: str
    commit: str
    status: str
    file: str
    case: str
    budget: str
    value: str
    limit: str
    verdict: str
    kept: str
    exceeded: str
    unjudged: str
    variant: str
    reason: str
    machine: str
    processor: str
    instructions: str
    governor: str
    load: str
    steal: str

    captions: Mapping[str, str]
    """What a profile can show and what it cannot, by the profile's name."""


ENGLISH = Words(
    model="Model",
    engine="Engine",
    threads="Threads",
    reduction="Size reduction",
    against_keras="Against Keras predict",
    reference="Reference",
    nothing="–",
    interval="{share} % [{low}–{high}]",
    equal="{factor}×",
    faster="{factor}× faster",
    slower="{factor}× slower",
    smaller="{factor}× smaller",
    larger="{factor}× larger",
    kibibyte="KiB",
    mebibyte="MiB",
    byte="B",
    millisecond="ms",
    context="Profile {profile}, {settings}{scored}. Times are medians of single invocations.",
    setting="{engine} with 1 thread",
    settings="{engine} with {threads} threads",
    scored=", {count} images scored, accuracy with its 95 % interval",
    history="History:",
    no_commit="The history names no commit: {reason}",
    chart="Chart:  ",
    status_complete="This run is complete.",
    status_partial="This run is partial: some of the profile was not measured.",
    status_interrupted="This run was interrupted: cases that were not finished are left out.",
    broken="Broken budgets:",
    broken_row="{case}: {what} {value}, {side} its limit {budget} = {limit} by {by}",
    over="over",
    under="under",
    not_judged="Budgets not judged, for want of a value:",
    missing="Missing, could not be had here:",
    unreadable="Not scored, since they could not be read:",
    unreadable_row="{unreadable} of {images} images of {dataset}: {examples}",
    warnings="Before the run:",
    notes="Not measured:",
    chart_times="Inference time",
    chart_times_axis="Time of a single invocation (ms)",
    chart_p90="bar: median; line: 90th percentile",
    chart_sizes="Size of the model file",
    chart_sizes_axis="Size (MiB)",
    chart_raw="file",
    chart_gzip="gzip",
    chart_not_measured="not measured",
    chart_pareto="Size, time and accuracy: {setting}",
    chart_pareto_x="Size of the model file, logarithmic",
    chart_pareto_y="Median time of an invocation (ms), logarithmic",
    chart_accuracy="Accuracy (%)",
    chart_front="Pareto front: no other is as good in all three",
    chart_dominated="dominated by another",
    chart_no_accuracy="accuracy not measured",
    chart_left_out="Not shown, size or time was not measured: {names}",
    page_title="Benchmark run of profile {profile}",
    page_budgets="Budgets",
    budget_counts="{exceeded} broken, {unjudged} not judged, {kept} kept",
    page_dirty="{commit} with uncommitted changes",
    page_sorting="A click on a heading sorts the table by it.",
    page_figures="Figures",
    page_charts="Charts",
    page_missing="Missing variants",
    page_machine="Machine and versions",
    taken="Taken",
    commit="Commit",
    status="Status",
    file="History file",
    case="Case",
    budget="Budget",
    value="Value",
    limit="Limit",
    verdict="Verdict",
    kept="kept",
    exceeded="broken",
    unjudged="not judged",
    variant="Variant",
    reason="Reason",
    machine="Machine",
    processor="Processor",
    instructions="Instruction sets",
    governor="Frequency governor",
    load="Load before the run",
    steal="CPU time stolen",
    captions={
        "digits": (
            "Handwritten digits are easy and ResNet50 is far too large for them: this profile "
            "shows that every technique works and what it costs in size and time; it cannot show "
            "that distillation pays, which takes real photographs."
        ),
        "imagenet": (
            "Networks at full size. Times against Keras predict are two medians of this run. On "
            "x86 dynamic-range quantisation can be slower than float."
        ),
        **dict.fromkeys(
            ("cifar10", "cifar10-full"),
            "CIFAR-10 compressed again as JPEG, as in folders of images, is some points harder: "
            "accuracies on such a copy are not comparable with published ones. MobileNetV2 takes "
            "the same 32x32 pixels as the students and enlarges them itself.",
        ),
    },
)

FRENCH = Words(
    model="Modèle",
    engine="Moteur",
    threads="Threads",
    reduction="Réduction taille",
    against_keras="Face à Keras predict",
    reference="Référence",
    nothing="–",
    interval="{share} % [{low}–{high}]",
    equal="{factor}×",
    faster="{factor}× plus rapide",
    slower="{factor}× plus lent",
    smaller="{factor}× plus petit",
    larger="{factor}× plus grand",
    kibibyte="Kio",
    mebibyte="Mio",
    byte="o",
    millisecond="ms",
    context="Profil {profile}, {settings}{scored}. Temps : médianes d'inférences isolées.",
    setting="{engine} avec 1 thread",
    settings="{engine} avec {threads} threads",
    scored=", {count} images évaluées, précision avec son intervalle à 95 %",
    history="Historique :",
    no_commit="L'historique ne nomme aucun commit : {reason}",
    chart="Graphique :",
    status_complete="Cette exécution est complète.",
    status_partial="Cette exécution est partielle : une partie du profil n'a pas été mesurée.",
    status_interrupted="Cette exécution a été interrompue : les cas non terminés sont omis.",
    broken="Budgets dépassés :",
    broken_row="{case} : {what} {value}, {side} sa limite {budget} = {limit}, écart {by}",
    over="au-dessus de",
    under="au-dessous de",
    not_judged="Budgets non jugés, faute de valeur :",
    missing="Manquants, impossibles à obtenir ici :",
    unreadable="Illisibles, donc non évaluées :",
    unreadable_row="{unreadable} des {images} images de {dataset} : {examples}",
    warnings="Avant l'exécution :",
    notes="Non mesuré :",
    chart_times="Temps d'inférence",
    chart_times_axis="Temps d'une inférence isolée (ms)",
    chart_p90="barre : médiane ; trait : 90e centile",
    chart_sizes="Taille du fichier du modèle",
    chart_sizes_axis="Taille (Mio)",
    chart_raw="fichier",
    chart_gzip="gzip",
    chart_not_measured="non mesuré",
    chart_pareto="Taille, temps et précision : {setting}",
    chart_pareto_x="Taille du fichier du modèle, échelle logarithmique",
    chart_pareto_y="Temps médian d'une inférence (ms), échelle logarithmique",
    chart_accuracy="Précision (%)",
    chart_front="Front de Pareto : aucun autre n'est aussi bon en tout",
    chart_dominated="dominé par un autre",
    chart_no_accuracy="précision non mesurée",
    chart_left_out="Non représentés, taille ou temps non mesurés : {names}",
    page_title="Mesure du profil {profile}",
    page_budgets="Budgets",
    budget_counts="dépassés : {exceeded}, non jugés : {unjudged}, respectés : {kept}",
    page_dirty="{commit} avec des modifications non validées",
    page_sorting="Un clic sur un en-tête trie le tableau.",
    page_figures="Résultats",
    page_charts="Graphiques",
    page_missing="Variantes manquantes",
    page_machine="Machine et versions",
    taken="Date",
    commit="Commit",
    status="État",
    file="Fichier d'historique",
    case="Cas",
    budget="Budget",
    value="Valeur",
    limit="Limite",
    verdict="Verdict",
    kept="respecté",
    exceeded="dépassé",
    unjudged="non jugé",
    variant="Variante",
    reason="Raison",
    machine="Machine",
    processor="Processeur",
    instructions="Jeux d'instructions",
    governor="Gouverneur de fréquence",
    load="Charge avant l'exécution",
    steal="Temps processeur volé",
    captions={
        "digits": (
            "Les chiffres manuscrits sont faciles et ResNet50 est bien trop grand pour eux : ce "
            "profil montre que chaque technique fonctionne et ce qu'elle coûte en taille et en "
            "temps ; il ne peut pas montrer que la distillation est rentable, ce qui demande de "
            "vraies photographies."
        ),
        "imagenet": (
            "Réseaux en taille réelle. Les temps face à Keras predict sont deux médianes de cette "
            "mesure. Sur x86, la quantification dynamique peut être plus lente que le flottant."
        ),
        **dict.fromkeys(
            ("cifar10", "cifar10-full"),
            "CIFAR-10 recompressé en JPEG, comme dans des dossiers d'images, est de quelques "
            "points plus difficile : les précisions sur une telle copie ne se comparent pas à "
            "celles publiées. MobileNetV2 reçoit les mêmes pixels 32x32 que les élèves et les "
            "agrandit lui-même.",
        ),
    },
)

WORDS: Mapping[Lang, Words] = {"en": ENGLISH, "fr": FRENCH}


def language(environment: Mapping[str, str]) -> Lang:
    """Return the language of the locale that `environment` (such as `os.environ`) sets.

    POSIX has LC_ALL go before LC_MESSAGES, and that before LANG; the first one that is not empty
    decides. `C`, `POSIX` and languages that there are no words for are English.
    """
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        locale = environment.get(variable, "")
        if locale:
            code = locale.replace("-", "_").replace(".", "_").replace("@", "_").split("_")[0]
            return "fr" if code.lower() == "fr" else "en"
    return "en"
