"""The wires: what every page has in common."""
