"""What the pages say, as data: blocks, commands, quoted messages, and what makes them true.

Nothing here is shipped. `python -m docs_check.metrics` (PYTHONPATH=tests) writes docs/metrics.md.
"""
