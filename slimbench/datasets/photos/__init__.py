"""Photographs in folders, one folder per class: the images that a user brings with `--data`.

From the path to arrays: `source` opens the folder or archive (`archives`), `listing` finds the
images and chooses some of them, `labelling` maps folders to the model's classes, `decoding` turns
files into pixels of the input's size.
"""
