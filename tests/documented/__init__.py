"""What the pages say, as data: blocks, commands, quoted messages, and what makes them true.

Nothing here is shipped. `python -m documented.metrics` (PYTHONPATH=tests) writes docs/metrics.md.
"""
