"""The reasons and types of Events (docs/controller.md); their texts are in `messages.py`."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class EventReason(StrEnum):
    """Reasons of Events."""

    VF_REVOKED = "VFRevoked"
    VF_RETURNED = "VFReturned"
    VF_ADDRESS_CHANGED = "VFAddressChanged"
    VF_MODEL_CHANGED = "VFModelChanged"
    VERBS_MISMATCH = "VerbsMismatch"
    ANNOUNCEMENT_REPEATED = "AnnouncementRepeated"
    APPLICATION_NOT_LISTENING = "ApplicationNotListening"
    SIDECAR_NOT_LISTENING = "SidecarNotListening"


# An order to announce again, automatic or by hand, or how orders ended: a label of a metric.
Reannouncement = Literal["automatic", "manual", "taken", "gone", "escalated"]


class EventType(StrEnum):
    """The types that Events have."""

    NORMAL = "Normal"
    WARNING = "Warning"
