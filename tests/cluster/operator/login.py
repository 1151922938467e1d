"""A credential plugin of ours, as kubelogin is one of Azure's: a program that says who we are."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.harness import Cluster

_PLUGIN = """#!{python}
import json, os, pathlib, sys, time
told, gives, life = os.environ["KUBERNETES_EXEC_INFO"], sys.argv[1], float(sys.argv[2])
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as log:
    log.write(told + "\\n")
end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + life))
status = json.loads((here / gives).read_text()) | {{"expirationTimestamp": end}}
print(json.dumps({{**json.loads(told), "status": status}}))
"""


class Login:
    """In `folder` the plugin, what it gives, and a log of what it was told."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._folder = folder
        self._plain = yaml.safe_load(cluster.layout.kubeconfig.read_text())
        pki = cluster.layout.pki
        certificate = {
            "clientCertificateData": (pki / "apiserver.crt").read_text(),
            "clientKeyData": (pki / "apiserver.key").read_text(),
        }
        token = {"token": self._plain["users"][0]["user"]["token"]}
        several = {"token": token, "certificate": certificate, "nonsense": {"token": "nobody"}}
        for name, status in several.items():
            (folder / name).write_text(json.dumps(status))
        plugin = folder / "login"
        plugin.write_text(_PLUGIN.format(python=sys.executable))
        plugin.chmod(0o755)

    def config(self, *, version: str = "v1", gives: str = "token", life_s: float = 3600) -> Path:
        """A kubeconfig whose user is whoever the plugin says; the plugin lies beside it."""
        exec_ = {
            "apiVersion": f"client.authentication.k8s.io/{version}",
            "command": "./login",
            "args": [gives, str(life_s)],
            "interactiveMode": "IfAvailable",
            "provideClusterInfo": True,
        }
        user = {"name": self._plain["users"][0]["name"], "user": {"exec": exec_}}
        file = self._folder / "config"
        file.write_text(yaml.safe_dump({**self._plain, "users": [user]}))
        return file

    def asked(self) -> list[dict[str, Any]]:
        """What it was told, each time."""
        return [json.loads(line) for line in (self._folder / "asked").read_text().splitlines()]
