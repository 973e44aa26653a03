"""The benchmarks behind `manage.py bench`: a filled database and load in, figures of one interleaved run out."""
