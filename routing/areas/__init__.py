"""Territories in a spreadsheet: a file in, what it would change line by line, the change in one transaction, and the
map as such a file out.
"""
