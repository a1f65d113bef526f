"""Other ways to fill and to make tables, to compare with.

Each works on arrays (rows, modelled columns) of numbers and category numbers, NaN where nothing is
known, as `Table.read` gives them.
"""
