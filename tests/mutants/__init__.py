"""Plants faults in the pure modules, one at a time, and runs the tests that should see each.

`python -m mutants` (`make mutants`); docs/testing.md tells how to read it.
"""
