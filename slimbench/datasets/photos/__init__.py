"""Photographs in folders, one folder a class: the images that a user brings with `--data`.

From the path to arrays, one module a question: `source` opens the folder or archive, `listing`
finds the images, `choosing` takes a part of them, `labelling` says which class of the model a
folder is, `decoding` turns one file into pixels of the input's size, `reading` does so for many.
"""
