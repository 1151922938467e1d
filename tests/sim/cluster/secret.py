"""A mounted Secret: the kubelet's atomic writer makes a folder and moves one link to it."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from netvsc_operator.certificates.x509 import KeyPair, issue, new_authority

NAMES = ("localhost", "127.0.0.1")
_numbers = itertools.count()


class Secret:
    """The folder of a volume; `authority` signs what is put into it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.authority = new_authority(now=time.time())

    def issue(self, *, life_s: float = 3600.0) -> KeyPair:
        return issue(self.authority, names=NAMES, now=time.time(), life_s=life_s)

    def put(self, certificate: str, key: str) -> None:
        """Replace both files at once."""
        made = self.folder / f"..{next(_numbers)}"
        made.mkdir()
        (made / "tls.crt").write_text(certificate)
        (made / "tls.key").write_text(key)
        link = self.folder / "..data_tmp"
        link.symlink_to(made.name)
        link.rename(self.folder / "..data")
        for name in ("tls.crt", "tls.key"):
            shown = self.folder / name
            if not shown.is_symlink():
                shown.symlink_to(f"..data/{name}")

    def renew(self, *, life_s: float = 3600.0) -> KeyPair:
        pair = self.issue(life_s=life_s)
        self.put(pair.certificate, pair.key)
        return pair
