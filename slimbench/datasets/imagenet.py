"""ImageNet-style photographs of a user: a folder or an archive of `<wnid>/*.JPEG`.

The set may not be passed on, so nothing of it is here but the order of its classes
(`slimbench.datasets.photos.labelling`). Networks that were trained on it elsewhere are scored on
what a user has of its validation images.
"""

from __future__ import annotations

from slimbench.spec import PhotoSet

PHOTOS = PhotoSet("imagenet", classes=1000)
