"""The vocabulary that agent, operator and command line share: pure, standard library only."""

__version__ = "0.1.0"
