"""Times as screens write them: a time without its zone is half a time."""

DATETIME_FORMAT = "j M Y, H:i T"
