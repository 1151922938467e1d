"""The way to the apiserver is read by the library; what is replaced meanwhile ends nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from netvsc.errors import ConfigError
from netvsc_operator.kube import NODES, Forbidden, Kube, Unavailable, config_loader
from sim.account import Account
from sim.cluster.apiserver import Apiserver
from sim.cluster.kubeconfig import kubeconfig

Test = Callable[[Kube, Apiserver, Account], Awaitable[None]]


def in_a_pod(test: Test, folder: Path, patch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        server, account = Apiserver(), Account(folder)
        async with account.serving(server._answer, patch), Kube(config_loader()) as kube:
            await asyncio.wait_for(test(kube, server, account), timeout=20)

    asyncio.run(run())


def test_a_pods_account_names_server_token_authority_and_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(kube: Kube, server: Apiserver, _: Account) -> None:
        assert await kube.get(NODES, "n1")
        assert kube.connection.namespace == "netvsc-system"
        assert len(server.asked) == 1

    in_a_pod(test, tmp_path, monkeypatch)


def test_a_token_that_was_replaced_is_read_anew_and_nobody_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(kube: Kube, _: Apiserver, account: Account) -> None:
        await kube.get(NODES, "n1")
        account.token = "second"  # noqa: S105
        account.renew()
        everybody = [kube.get(NODES, f"n{number}") for number in range(16)]
        assert all(await asyncio.gather(*everybody))
        assert 1 <= account.refused <= 16

    in_a_pod(test, tmp_path, monkeypatch)


def test_a_token_that_is_refused_though_it_is_fresh_is_told_with_the_apiservers_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(kube: Kube, _: Apiserver, account: Account) -> None:
        account.token = "second"  # noqa: S105
        with pytest.raises(Forbidden, match="who are you") as caught:
            await kube.get(NODES, "n1")
        assert caught.value.status == 401
        assert account.refused == 1

    in_a_pod(test, tmp_path, monkeypatch)


def test_a_token_that_is_away_for_a_moment_is_used_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(kube: Kube, server: Apiserver, account: Account) -> None:
        (account.folder / "token").unlink()
        server.refuse = [(401, "")]  # so that it is looked for
        with pytest.raises(Forbidden):
            await kube.get(NODES, "n1")
        assert await kube.get(NODES, "n1")

    in_a_pod(test, tmp_path, monkeypatch)


def test_an_authority_that_was_replaced_is_trusted_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(kube: Kube, _: Apiserver, account: Account) -> None:
        await kube.get(NODES, "n1")
        account.rotate()
        account.renew()
        assert await kube.get(NODES, "n1")

    in_a_pod(test, tmp_path, monkeypatch)


def test_a_certificate_of_an_authority_that_nobody_named_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(kube: Kube, server: Apiserver, account: Account) -> None:
        account.rotate()
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await kube.get(NODES, "n1")
        assert server.asked == []

    in_a_pod(test, tmp_path, monkeypatch)


def test_a_pod_without_a_token_is_told_of_automount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")

    async def run() -> None:
        async with Kube(config_loader()):
            pass

    with pytest.raises(ConfigError, match="automountServiceAccountToken"):
        asyncio.run(run())


def test_without_any_way_the_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="--kubeconfig"):
        config_loader()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[]", "name a kubeconfig"),
        ("a: [", "name a kubeconfig"),
        ("current-context: there", "contexts"),
        (None, "name a kubeconfig"),
    ],
    ids=["a list", "no YAML", "no contexts", "no file"],
)
def test_a_wrong_kubeconfig_says_which_and_what(
    tmp_path: Path, text: str | None, named: str
) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)

    async def run() -> None:
        async with Kube(config_loader(file)):
            pass

    with pytest.raises(ConfigError) as caught:
        asyncio.run(run())
    assert named in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("user", "named"),
    [
        ({"auth-provider": {"name": "azure"}}, "kubelogin convert"),
        ({"token": "t", "as": "admin"}, "acts as somebody else (as)"),
        ({"exec": {"apiVersion": "v1", "command": "/bin/false"}}, "'/bin/false': run it by hand"),
    ],
    ids=["auth-provider", "as", "exec"],
)
def test_who_is_not_whom_the_kubeconfig_means_is_refused(
    tmp_path: Path, user: dict[str, object], named: str
) -> None:
    file = kubeconfig(tmp_path, "http://127.0.0.1:1", user=user)

    async def run() -> None:
        async with Kube(config_loader(file)):
            pass

    with pytest.raises(ConfigError) as caught:
        asyncio.run(run())
    assert f"{file}: the user" in str(caught.value)
    assert named in str(caught.value)


def test_several_files_of_the_environment_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads(kubeconfig(tmp_path, "http://127.0.0.1:1").read_text())
    for name, missing in {"clusters": "contexts", "contexts": "clusters"}.items():
        (tmp_path / name).write_text(json.dumps(whole | {missing: []}))
    names = ("none", "clusters", "contexts")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", ":".join(str(tmp_path / name) for name in names))

    async def run() -> None:
        async with Kube(config_loader()) as kube:
            assert kube.connection.namespace == "nf"
            assert kube.connection.server == "http://127.0.0.1:1"

    asyncio.run(run())


def test_a_proxy_is_asked_in_the_servers_place(tmp_path: Path) -> None:
    async def run() -> None:
        proxy = Apiserver()
        async with proxy.serving() as there:
            through = {"proxy-url": there.server}
            far = kubeconfig(tmp_path, "http://apiserver.invalid", cluster=through)
            async with Kube(config_loader(far)) as kube:
                await kube.list(NODES)
        assert str(proxy.asked[0].url).startswith("http://apiserver.invalid/api/v1/nodes")

    asyncio.run(run())


def test_a_program_that_gives_tokens_is_asked_again_once_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    program = tmp_path / "login"
    program.write_text(
        "#!/bin/sh\n"
        'echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",\'\n'
        f'echo \'"status":{{"token":"\'$(cat {tmp_path}/token)\'"}}}}\'\n'
    )
    program.chmod(0o755)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}

    async def run() -> None:
        server = Apiserver()
        async with server.serving() as there:
            file = kubeconfig(tmp_path, there.server, user={"exec": plugin})
            async with Kube(config_loader(file)) as kube:
                await kube.list(NODES)
                (tmp_path / "token").write_text("new")
                server.refuse = [(401, "")]
                await kube.list(NODES)
        asked = [request.headers["Authorization"] for request in server.asked]
        assert asked == ["Bearer old", "Bearer old", "Bearer new"]

    asyncio.run(run())
