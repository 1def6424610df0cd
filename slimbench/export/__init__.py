"""Handing a variant on: its files, described inside and in a card beside them."""
