"""Records of the log in; those about refused requests as one plain line each, and all others as they are, out."""

import logging


class InOneLine(logging.Filter):
    """What Django refuses as suspicious is a wrong request, no fault of ours: no traceback, no line break of theirs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.msg = record.getMessage()[:200].encode("unicode_escape").decode()
            record.args, record.exc_info, record.exc_text = (), None, None
        return True
