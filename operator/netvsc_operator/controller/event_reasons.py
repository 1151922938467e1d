"""What Events are about, and how bad that is (docs/controller.md)."""

from __future__ import annotations

from enum import StrEnum


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


class EventType(StrEnum):
    """The types that Events have."""

    NORMAL = "Normal"
    WARNING = "Warning"
