"""The HTTP API: reads a request, calls one function, says what happened."""
