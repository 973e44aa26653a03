"""The SLA report: what became of the leads that arrived in a period, by facts; changes nothing but its own cache."""
