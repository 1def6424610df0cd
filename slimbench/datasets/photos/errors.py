"""The error about photographs that their user can mend, and the form of names in its message."""

from __future__ import annotations

from slimbench.errors import UsageProblem

LAYOUT = (
    "one folder a class with .jpg, .png, .webp, .bmp, .gif or .tif files in it, "
    "or test/ and train/ with such folders"
)
"""What a folder or archive of photographs must look like."""

_LONGEST = 120
"""Characters of a name."""


class PhotoProblem(UsageProblem):
    """The photographs cannot be used as they are; the message names the file and the way out."""


def printable(name: str) -> str:
    """Return a name as a message can hold it: wild characters escaped, not too long."""
    text = name if name.isprintable() else name.encode("unicode_escape").decode("ascii")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
