"""What the table of servers says, in English and French."""

# ruff: noqa: RUF001 (the multiplication sign is meant)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slimbench.report.words import Lang


@dataclass(frozen=True, slots=True)
class ServingWords:
    """The phrases of one language."""

    title: str
    server: str
    servers: Mapping[str, str]
    shipped: str
    right: str
    wrong: str
    failed: str
    single: str
    rate: str
    beyond: str
    batch: str
    memory: str
    start: str
    heavy: str
    overload: str
    no_recovery: str


SERVING_WORDS: Mapping[Lang, ServingWords] = {
    "en": ServingWords(
        title="Serving {model}: {clients} clients at once, then Poisson arrivals with the 99th "
        "percentile held under {limit} ms, generator on the same machine.",
        server="Server",
        servers={
            "slimbench": "slimbench",
            "slimbench_batching": "slimbench, batching",
            "tutorial": "tutorial",
            "tutorial_lock": "tutorial with a lock",
        },
        shipped=" (as shipped)",
        right="Right answers/s",
        wrong="Wrong",
        failed="Failed",
        single="One client",
        rate="Highest rate/s",
        beyond="Refused at {factor}×",
        batch="Mean batch",
        memory="Memory",
        start="Start",
        heavy="With TensorFlow imported, the same application takes {memory} MiB. "
        "`slimbench serve` is ready after {start} ms.",
        overload="{factor} times the highest rate for {seconds} s: {statuses}; "
        "/livez p99 {livez} ms; served as before after: {recovery}.",
        no_recovery="never while it was watched",
    ),
    "fr": ServingWords(
        title="Service de {model} : {clients} clients à la fois, puis arrivées poissonniennes avec "
        "le 99e centile tenu sous {limit} ms, générateur sur la même machine.",
        server="Serveur",
        servers={
            "slimbench": "slimbench",
            "slimbench_batching": "slimbench, par lots",
            "tutorial": "tutoriel",
            "tutorial_lock": "tutoriel avec verrou",
        },
        shipped=" (tel que livré)",
        right="Réponses justes/s",
        wrong="Fausses",
        failed="Échecs",
        single="Un client",
        rate="Débit maximal/s",
        beyond="Refus à {factor}×",
        batch="Lot moyen",
        memory="Mémoire",
        start="Démarrage",
        heavy="Avec TensorFlow importé, la même application prend {memory} Mio. "
        "`slimbench serve` est prêt après {start} ms.",
        overload="{factor} fois le débit maximal pendant {seconds} s : {statuses} ; "
        "p99 de /livez {livez} ms ; service comme avant après : {recovery}.",
        no_recovery="jamais tant qu'il était observé",
    ),
}
