"""Right or wrong for each evaluation image, as a history holds it: one bit an image, in base64."""

from __future__ import annotations

import base64
import binascii

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]


def pack_flags(flags: Flags) -> str:
    """Return flags as base64 of `numpy.packbits`, most significant bit first."""
    return base64.b64encode(np.packbits(flags).tobytes()).decode("ascii")


def unpack_flags(packed: str, count: int) -> Flags:
    """Return `count` flags, shape (count,), from what `pack_flags` returned.

    Raises:
        ValueError: It is no base64, or of another number of flags.
    """
    try:
        content = np.frombuffer(base64.b64decode(packed, validate=True), np.uint8)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(content) != (count + 7) // 8:
        raise ValueError(f"not {count} flags")
    return np.unpackbits(content, count=count).astype(np.bool_)
