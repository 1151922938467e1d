"""The settings that hold for one pod: its annotations before its pools; and the modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from netvsc.errors import RequestError
from netvsc.model.pool import Fallback, Mode, Pool
from netvsc_operator.admission.annotations import MODE, Guard, PodSettings
from netvsc_operator.admission.pod.containers import Container
from netvsc_operator.admission.pod.pair_numbers import PodPair


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSettings:
    """`pools` are by resource, `pod` is what its annotations say.

    `poll_ms` is fail-safe's, one for all: it is so in a process.
    """

    pools: Mapping[str, Pool]
    pod: PodSettings
    poll_ms: int

    @property
    def guarded(self) -> bool:
        return self.pod.guard is Guard.AUTO

    def fallback(self, pair: PodPair) -> Fallback:
        return self.pod.fallback or self.pool(pair).fallback

    def pool(self, pair: PodPair) -> Pool:
        return self.pools[pair.resource]


FAILSAFE = (Mode.FAILSAFE_FD, Mode.FAILSAFE_EXEC)  # those with our sidecar
_NEITHER = (
    "has neither command nor args, and arguments of ours would replace the image's own: "
    "write its command (or its args, if the image's entry point is the application)"
)


class Because(StrEnum):
    """Why a container is served in its mode."""

    ANNOTATION = f"as the annotation {MODE} says"
    POOL = "as its pool says"
    COMMAND = "since it has a command"
    ARGS = "since it has args"


def mode_of(container: Container, settings: EffectiveSettings) -> tuple[Mode, Because]:
    """Return the mode, never AUTO, and why it is that one.

    Raises RequestError if what the container runs does not fit.
    """
    asked = settings.pod.mode or _pools_mode(container, settings.pools)
    because = Because.ANNOTATION if settings.pod.mode else Because.POOL
    command, args = container.words("command"), container.words("args")
    if asked is Mode.NONE:
        return asked, because
    if not command and not args:
        raise RequestError(_NEITHER)
    if asked is Mode.AUTO:
        if command:
            return Mode.FAILSAFE_FD, Because.COMMAND
        return Mode.FAILSAFE_EXEC, Because.ARGS
    if asked is Mode.FAILSAFE_FD and not command:
        raise RequestError(
            "has no command for the launcher to start: write its command, or say "
            f"{MODE}: {Mode.FAILSAFE_EXEC}"
        )
    return asked, because


def _pools_mode(container: Container, pools: Mapping[str, Pool]) -> Mode:
    modes = sorted({pools[resource].mode for resource in container.pairs})
    if len(modes) > 1:
        raise RequestError(
            f"has pairs of pools with the modes {' and '.join(modes)}: choose one for the pod by "
            f"the annotation {MODE}"
        )
    return modes[0]
