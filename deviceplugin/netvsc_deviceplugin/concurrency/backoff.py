"""When to try again: growing pauses, forgotten once things have gone well for a while."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """The first try is due at once; after each one the pause doubles, up to `longest_s`.

    `settled_s` after the last try the next is as good as the first.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        first_s: float = 0.01,
        longest_s: float = 5.0,
        settled_s: float = 10.0,
    ) -> None:
        self._clock = clock
        self._first_s = first_s
        self._longest_s = longest_s
        self._settled_s = settled_s
        self.reset()

    def reset(self) -> None:
        """Forget the past: what was tried in vain is another thing now."""
        self._pause_s = self._first_s
        self._tried_at: float | None = None

    def wait(self) -> float:
        """Return the seconds until a try is due, 0 if it is."""
        if self._tried_at is None:
            return 0.0
        passed = self._clock() - self._tried_at
        return 0.0 if passed >= self._settled_s else max(0.0, self._pause_s - passed)

    def tried(self) -> None:
        """Note a try, however it went."""
        now = self._clock()
        if self._tried_at is not None:
            fresh = now - self._tried_at >= self._settled_s
            self._pause_s = self._first_s if fresh else min(self._pause_s * 2, self._longest_s)
        self._tried_at = now
