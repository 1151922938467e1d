"""The errors of the project, in three kinds.

NetvscError
├── NodeError        the node says no: a kernel or file system refused what was attempted
├── RequestError     the request is wrong: asking again will not help, changing it will
│   └── ConfigError  … and the request was a configuration; knows the key, and later file and line
└── RetryError       try again later: nothing is wrong, something is not there yet

A message says what was attempted, on what, and the remedy.
"""

from __future__ import annotations


class NetvscError(Exception):
    """Base of every error this project raises on purpose."""


class NodeError(NetvscError):
    """The node says no."""


class RequestError(NetvscError):
    """The request is wrong."""


class RetryError(NetvscError):
    """Not now; the same request may succeed later."""


class ConfigError(RequestError):
    """A configuration is wrong: `path` leads to the key, e.g. ("pools", 0, "selector")."""

    def __init__(self, message: str, *, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}" if self.path else self.message


def dotted(path: tuple[str | int, ...]) -> str:
    """Write a path as people do: `pools[0].selector.macs[1]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
