"""The way to the apiserver, from a pod's folder or a kubeconfig; a wrong one says what is wrong."""

import ssl
from pathlib import Path

import pytest

from netvsc.errors import ConfigError
from netvsc_deviceplugin.apiserver.access import access, from_kubeconfig, in_cluster

KUBECONFIG = """
current-context: here
contexts:
- {name: here, context: {cluster: one, user: me, namespace: nf}}
clusters:
- {name: one, cluster: {server: "https://127.0.0.1:6443/", certificate-authority: ca.crt}}
users:
- {name: me, user: {token: secret}}
"""


def test_a_kubeconfig_names_server_authority_and_token(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("the authority")
    (tmp_path / "config").write_text(KUBECONFIG)
    found = from_kubeconfig(tmp_path / "config")
    assert found.server == "https://127.0.0.1:6443"
    assert found.authority == "the authority"
    assert found.namespace == "nf"
    assert found.headers() == {"Authorization": "Bearer secret"}


def test_inside_a_pod_the_token_is_read_anew_each_time(tmp_path: Path) -> None:
    for name, text in {"ca.crt": "ca", "token": "old\n", "namespace": "netvsc-system"}.items():
        (tmp_path / name).write_text(text)
    found = in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1"}, folder=tmp_path)
    assert found.server == "https://[fd00::1]:443"
    assert found.headers() == {"Authorization": "Bearer old"}
    (tmp_path / "token").write_text("new")
    assert found.headers() == {"Authorization": "Bearer new"}


def test_a_plain_server_needs_no_tls(tmp_path: Path) -> None:
    text = KUBECONFIG.replace("https://127.0.0.1:6443/", "http://127.0.0.1:8001")
    (tmp_path / "config").write_text(text.replace(", certificate-authority: ca.crt", ""))
    assert from_kubeconfig(tmp_path / "config").tls() is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (KUBECONFIG.replace("token: secret", "exec: {command: kubelogin}"), "kubectl proxy"),
        (KUBECONFIG.replace("current-context: here", "current-context: there"), "'there'"),
        (KUBECONFIG.replace("cluster: one", "cluster: two"), "no cluster named 'two': it has one"),
        (KUBECONFIG.replace("token: secret", "auth-provider: {name: azure}"), "kubelogin convert"),
        (KUBECONFIG.replace("token: secret", "as: admin"), "acts as somebody else (as)"),
        (KUBECONFIG.replace("certificate-authority", "proxy-url"), "a proxy-url, which is not"),
        (KUBECONFIG.replace("certificate-authority", "tls-server-name"), "a tls-server-name"),
        (KUBECONFIG.replace("token: secret", "client-key-data: aaa"), "padding"),
        (KUBECONFIG.replace("current-context: here", ""), "has no current-context"),
        ("[]", "is an empty list"),
        ("a: [", "name a kubeconfig"),
    ],
)
def test_a_wrong_kubeconfig_says_which_and_what(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(ConfigError) as caught:
        from_kubeconfig(tmp_path / "config")
    assert named in str(caught.value)
    assert str(tmp_path / "config") in str(caught.value)


def test_a_server_that_is_not_to_be_verified_is_not(tmp_path: Path) -> None:
    more = "insecure-skip-tls-verify: true"
    (tmp_path / "config").write_text(KUBECONFIG.replace("certificate-authority: ca.crt", more))
    found = from_kubeconfig(tmp_path / "config")
    context = found.tls()
    assert context
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)


def test_the_files_that_it_names_lie_beside_it_and_the_environment_names_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.crt").write_text("the authority")
    (tmp_path / "token").write_text("of a file\n")
    text = KUBECONFIG.replace("token: secret", "tokenFile: token")
    (tmp_path / "config").write_text(text)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert access().authority == "the authority"
    assert access().headers() == {"Authorization": "Bearer of a file"}


def test_a_context_without_a_user_is_nobody(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("the authority")
    (tmp_path / "config").write_text(KUBECONFIG.replace(", user: me", ""))
    assert from_kubeconfig(tmp_path / "config").headers() == {}


def test_without_any_way_the_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="--kubeconfig"):
        access()


def test_a_pod_without_a_token_is_told_of_automount(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="automountServiceAccountToken"):
        in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, folder=tmp_path)
