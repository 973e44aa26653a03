"""Pages for people who work in RevRoute: a request in, one domain function called, a page out."""
