"""Who we are and whom we trust, before a real server: TLS, plugins, proxies, tokens that end."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from netvsc.encoding.timestamps import to_text
from netvsc.errors import NetvscError
from netvsc_operator.api_errors import ApiError, Unavailable
from netvsc_operator.certificates.x509 import KeyPair, issue, new_authority
from netvsc_operator.kinds import NETVSC_NODES
from netvsc_operator.kubectl.api import Api
from netvsc_operator.kubectl.connection import Connector
from netvsc_operator.kubectl.kubeconfig import find_context
from netvsc_operator.objects import Scope
from sim.secure import Asked, Said, Secure, nothing, person, proxy, served

V1 = "client.authentication.k8s.io/v1"
_PLUGIN = """#!{python}
import json, os, pathlib
here = pathlib.Path(__file__).parent
told = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
answers = json.loads((here / "answers").read_text())
(here / "answers").write_text(json.dumps(answers[1:] or answers))
print(json.dumps({{**told, "status": answers[0]}}))
"""
Make = Callable[..., Api]


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return new_authority(now=time.time())


@pytest.fixture
def me() -> KeyPair:
    return person("me")


@pytest.fixture
def server(tmp_path: Path, authority: KeyPair, me: KeyPair) -> Iterator[Secure]:
    """Known as 127.0.0.1 and as api.example."""
    pair = issue(authority, names=["api.example", "127.0.0.1"], now=time.time())
    with served(pair=pair, people=me.certificate, folder=tmp_path) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def inline(pem: str) -> str:
    return b64encode(pem.encode()).decode()


def config(folder: Path, *, cluster: dict[str, Any], user: dict[str, Any]) -> Path:
    parts = {"cluster": cluster, "user": user, "context": {"cluster": "a", "user": "a"}}
    whole = {f"{kind}s": [{"name": "a", kind: part}] for kind, part in parts.items()}
    (folder / "config").write_text(yaml.safe_dump({**whole, "current-context": "a"}))
    return folder / "config"


@pytest.fixture
def api(tmp_path: Path, authority: KeyPair, server: Secure) -> Make:
    """Make one; `user` is the kubeconfig's, `more` is of its cluster."""

    def make(
        user: dict[str, Any] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        **more: object,
    ) -> Api:
        known = {"server": server.url, "certificate-authority-data": inline(authority.certificate)}
        cluster = {key: value for key, value in (known | more).items() if value is not None}
        file = config(tmp_path, cluster=cluster, user=user or {"token": "t"})
        find = partial(find_context, file, environment={}, home=tmp_path)
        return Api(Connector(find, clock=clock))

    return make


def listing(one: Api) -> None:
    assert one.list(NETVSC_NODES, Scope()).version == "1"


def plugin(folder: Path, *answers: dict[str, Any]) -> dict[str, Any]:
    """Return a user whose plugin gives the answers in turn, the last one for ever."""
    (folder / "answers").write_text(json.dumps(answers))
    path = folder / "login"
    path.write_text(_PLUGIN.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": V1, "command": "./login", "interactiveMode": "Never"}}


def test_an_authority_in_the_kubeconfig_vouches_for_the_server(api: Make, server: Secure) -> None:
    listing(api())
    assert server.tokens == ["Bearer t"]
    assert server.asked[0].headers["user-agent"].startswith("kubectl-netvsc/")


def test_a_server_that_nobody_vouches_for_is_not_told_who_we_are(api: Make, server: Secure) -> None:
    with pytest.raises(Unavailable, match=r"does not answer: .*certificate verify failed"):
        listing(api(**{"certificate-authority-data": inline(person("x").certificate)}))
    assert server.asked == []
    unverified = {"certificate-authority-data": None, "insecure-skip-tls-verify": True}
    listing(api(**unverified))
    assert len(server.asked) == 1


def test_a_server_is_held_to_the_name_that_the_kubeconfig_gives_it(api: Make) -> None:
    listing(api(**{"tls-server-name": "api.example"}))
    with pytest.raises(Unavailable, match=r"somebody\.else"):
        listing(api(**{"tls-server-name": "somebody.else"}))


def test_a_certificate_of_the_kubeconfigs_is_shown(api: Make, server: Secure, me: KeyPair) -> None:
    data = {"client-certificate-data": inline(me.certificate), "client-key-data": inline(me.key)}
    listing(api(data))
    assert [one.peer for one in server.asked] == ["me"]
    assert server.tokens == [""]


def test_a_plugins_certificate_is_as_good_as_a_token(
    api: Make, server: Secure, me: KeyPair, tmp_path: Path
) -> None:
    said = {"clientCertificateData": me.certificate, "clientKeyData": me.key}
    listing(api(plugin(tmp_path, said)))
    assert [one.peer for one in server.asked] == ["me"]


def test_a_plugins_token_is_kept_until_shortly_before_it_ends(
    api: Make, server: Secure, tmp_path: Path
) -> None:
    now = [1_800_000_000.0]
    ends = to_text(now[0] + 60)
    user = plugin(tmp_path, {"token": "one", "expirationTimestamp": ends}, {"token": "two"})
    one = api(user, clock=lambda: now[0])
    for later in (0, 49, 1, 1e6):
        now[0] += later
        listing(one)
    assert server.tokens == ["Bearer one", "Bearer one", "Bearer two", "Bearer two"]


def test_a_token_that_is_refused_is_asked_for_again(
    api: Make, server: Secure, tmp_path: Path
) -> None:
    def answer(asked: Asked) -> Said:
        return nothing(asked) if server.tokens[-1] == "Bearer two" else (401, {"message": "who?"})

    server.answer = answer
    one = api(plugin(tmp_path, {"token": "one"}, {"token": "two"}))
    with pytest.raises(ApiError, match=r"who\? \(401\)"):
        listing(one)
    listing(one)
    assert server.tokens == ["Bearer one", "Bearer two"]


def test_after_a_refusal_a_tokens_file_is_read_anew(
    api: Make, server: Secure, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("old\n")
    one = api({"tokenFile": "token"})
    listing(one)
    (tmp_path / "token").write_text("new\n")
    server.answer = lambda _asked: (401, "")
    with pytest.raises(ApiError):
        listing(one)
    server.answer = nothing
    listing(one)
    assert server.tokens[-1] == "Bearer new"


def test_a_plugin_that_fails_leaves_nobody_to_be(api: Make, server: Secure, tmp_path: Path) -> None:
    with pytest.raises(NetvscError, match="neither a token nor a certificate"):
        listing(api(plugin(tmp_path, {})))
    assert server.asked == []


def test_a_proxy_of_the_environment_is_gone_through_unless_it_is_told_not_to(
    api: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy() as (url, log):
        monkeypatch.setenv("https_proxy", url)
        listing(api())
        assert log == []  # this machine itself
        away = api(server="https://outside.invalid:6443")
        with pytest.raises(Unavailable, match="does not answer"):
            listing(away)
        assert log == ["outside.invalid:6443"]
        monkeypatch.setenv("no_proxy", "invalid")
        with pytest.raises(Unavailable, match="does not answer"):
            listing(api(server="https://outside.invalid:6443"))
        assert log == ["outside.invalid:6443"]


def test_a_clusters_own_proxy_is_gone_through_whatever_the_environment_says(
    api: Make, server: Secure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with proxy() as (url, log):
        listing(api(**{"proxy-url": url}))
        assert log == [server.url.removeprefix("https://")]


def test_an_end_by_a_signal_leaves_no_key_behind(
    api: Make, server: Secure, me: KeyPair, tmp_path: Path
) -> None:
    data = {"client-certificate-data": inline(me.certificate), "client-key-data": inline(me.key)}
    listing(api(data))
    watched, let = threading.Event(), threading.Event()

    def answer(asked: Asked) -> Said:
        if "watch" in asked.query:
            watched.set()
            let.wait(10)
        return nothing(asked)

    server.answer = answer
    (tmp_path / "tmp").mkdir()
    words = ["--kubeconfig", str(tmp_path / "config"), "status", "--watch"]
    running = subprocess.Popen(
        [sys.executable, "-m", "netvsc_operator.kubectl.command", *words],
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.DEVNULL,
    )
    try:
        assert watched.wait(10)
        assert len(list((tmp_path / "tmp").iterdir())) > 1
    finally:
        running.terminate()
        assert running.wait(10) == 128 + 15
        let.set()
    assert list((tmp_path / "tmp").iterdir()) == []
