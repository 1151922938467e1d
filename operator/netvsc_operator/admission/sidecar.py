"""The native sidecar, which announces VFs to fail-safe, and the volume it shares with the pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netvsc.model.devargs import check_word
from netvsc.model.pool import Fallback
from netvsc_operator.admission.annotations import Gate
from netvsc_operator.admission.eal.arguments import FOLDER, tap
from netvsc_operator.admission.effective_settings import EffectiveSettings
from netvsc_operator.admission.pod.pair_numbers import PodPair
from netvsc_operator.admission.sidecar_image import SidecarImage

NAME = "netvsc-fdpipe"
VOLUME = "netvsc"
_USER = 65532
_READY = {
    "exec": {"command": ["/fdpipe", "ready"]},
    "periodSeconds": 1,
    "timeoutSeconds": 5,  # a process is started for it, on a node that is starting a pod
    "failureThreshold": 60,
}


def container(
    pairs: Sequence[PodPair],
    *,
    settings: EffectiveSettings,
    resources: Mapping[str, object] | None,
    sidecar_image: SidecarImage,
) -> dict[str, object]:
    """Return the sidecar's container; a pod security standard `restricted` takes it."""
    gate = () if settings.pod.gate is Gate.AUTO else ("--gate", settings.pod.gate.value)
    policy = {"imagePullPolicy": sidecar_image.pull_policy} if sidecar_image.pull_policy else {}
    announced = (word for pair in pairs for word in ("--pair", announcement(pair, settings)))
    return {
        "name": NAME,
        "image": sidecar_image.image,
        **policy,
        "restartPolicy": "Always",
        "args": ["announce", *announced, "--poll-ms", str(settings.poll_ms), *gate],
        "startupProbe": _READY,
        **({"resources": resources} if resources else {}),
        "securityContext": {
            "runAsUser": _USER,  # written out, or a pod-level uid 0 would win
            "runAsGroup": _USER,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": VOLUME, "mountPath": FOLDER}],
    }


def announcement(pair: PodPair, settings: EffectiveSettings) -> str:
    """Return what `--pair` says of one pair (docs/fdpipe.md)."""
    text = f"{pair.number:02d}={check_word(pair.interface)}"
    if settings.fallback(pair) is Fallback.TAP:
        text += f",tap={tap(pair)}"
    template = settings.pool(pair).devargs_template
    return f"{text},template={template}" if template else text


def volume() -> dict[str, object]:
    return {"name": VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}


def mount() -> dict[str, object]:
    """Return the application's: it reads pipes, the sidecar alone writes there."""
    return {"name": VOLUME, "mountPath": FOLDER, "readOnly": True}
