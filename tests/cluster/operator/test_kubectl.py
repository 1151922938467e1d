"""`kubectl netvsc` as a person types it, before a real apiserver with a small fleet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cluster.apiserver import apiserver
from cluster.operator.login import Login
from netvsc.encoding.serialize import to_plain
from netvsc.model.status import STARTING, Announcement, AnnounceState
from netvsc_operator.controller.events.reasons import EventReason, EventType
from netvsc_operator.controller.events.recorder import Ref, event
from netvsc_operator.controller.events.rules import EventDraft
from sim.cluster import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster
    from netvsc.model.status import PairStatus

pytestmark = pytest.mark.cluster

WHEEL = Path(sys.executable).parent  # kubectl-netvsc is there
PATIENCE_S = 30.0
FAST = nodes.held(nodes.pair(1), pod="fwd-0", namespace="nf")
SLOW = nodes.revoked(nodes.held(nodes.pair(2), pod="fwd-1", namespace="nf"))
FREE = nodes.pair(3)


@pytest.fixture(scope="module")
def api() -> Iterator[Cluster]:
    """Two nodes, one of them with three pairs; a pod; what the controller told of it."""
    with apiserver("kubectl") as cluster:
        words = ["-m", "netvsc_operator", "crds", "--kubeconfig", str(cluster.layout.kubeconfig)]
        subprocess.run([sys.executable, *words], check=True, timeout=60)
        cluster.kubectl("create", "namespace", "nf")
        cluster.apply(*(_node(name) for name in ("aks-0", "aks-1")))
        report(cluster, "aks-0", FAST, SLOW, FREE)
        cluster.apply(_event("VFRevoked", "left"), _event("VFReturned", "came"), namespace="nf")
        account = ("wait", "--for=create", "serviceaccount/default", "-n", "nf", "--timeout=60s")
        cluster.kubectl(*account)  # no pod is taken before
        pods = _pod("fwd-0", sidecar=True), _pod("plain")
        cluster.apply(*pods, namespace="nf")
        yield cluster


def _node(name: str) -> dict[str, Any]:
    meta = {"name": name}
    return {"apiVersion": "netvsc.io/v1alpha1", "kind": "NetvscNode", "metadata": meta}


def report(cluster: Cluster, name: str, *pairs: PairStatus) -> None:
    patch = json.dumps({"status": to_plain(nodes.status(*pairs))})
    words = ("patch", "nvn", name, "--subresource=status", "--type=merge", "-p", patch)
    cluster.kubectl(*words)


def _event(reason: str, note: str) -> dict[str, Any]:
    """As the controller writes it."""
    telling = EventDraft(
        reason=EventReason(reason), type=EventType.NORMAL, key=reason, note=note, sets={}
    )
    about = Ref(kind="Pod", name="fwd-0", uid="u", namespace="nf")
    written = event(telling, about, scope="s", now=time.time())
    written["metadata"]["namespace"] = "nf"
    return written


def _pod(name: str, *, sidecar: bool = False) -> dict[str, Any]:
    meta = {"name": name, "namespace": "nf"}
    beside = {"name": "netvsc-fdpipe", "image": "none", "restartPolicy": "Always"}
    spec: dict[str, Any] = {"containers": [{"name": "fwd", "image": "none"}]}
    if sidecar:
        spec["initContainers"] = [beside]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def environment(cluster: Cluster, config: Path | None = None) -> dict[str, str]:
    path = f"{WHEEL}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "KUBECONFIG": str(config or cluster.layout.kubeconfig)}


def netvsc(cluster: Cluster, *words: str, config: Path | None = None) -> tuple[int, str, str]:
    """Exit code, output, and what was said on stderr."""
    done = subprocess.run(
        [str(cluster.layout.kubernetes / "kubectl"), "netvsc", *words],
        env=environment(cluster, config),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    return done.returncode, done.stdout, done.stderr


def said(cluster: Cluster, *words: str) -> str:
    code, out, errors = netvsc(cluster, *words)
    assert (code, errors) == (0, "")
    return out


def test_kubectl_finds_the_plugin(api: Cluster) -> None:
    assert said(api, "--version").startswith("0.")


def test_status_has_a_line_for_each_node(api: Cluster) -> None:
    head, first, second = said(api, "status").splitlines()
    assert head.split() == ["NODE", "PAIRS", "FREE", "ON-VF", "REVOKED-24H", "AGENT", "READY"]
    assert first.split() == ["aks-0", "3", "1", "2", "0", "0.1.0", "True"]
    assert "its agent has not reported yet" in second


def test_status_wide_has_a_line_for_each_pair(api: Cluster) -> None:
    head, *rows = said(api, "status", "-o", "wide").splitlines()
    assert head.split()[:4] == ["NODE", "PAIR", "NETVSC", "POOL"]
    assert [row.split()[1] for row in rows] == [FAST.id, SLOW.id, FREE.id]


def test_pods_show_who_is_on_the_slow_path(api: Cluster) -> None:
    _, fast, slow = said(api, "pods", "-n", "nf").splitlines()
    assert fast.split()[:6] == ["nf", "fwd-0", "fwd", "netvsc0", "aks-0", "VF"]
    assert slow.split()[:6] == ["nf", "fwd-1", "fwd", "netvsc1", "aks-0", "Synthetic"]
    assert "9b33:00:01.0  mlx5_core  Attached" in said(api, "pods", "-A", "-o", "wide")


def test_a_namespace_without_pods_says_where_to_look(api: Cluster) -> None:
    assert said(api, "pods") == "No pod holds a pair in namespace default; -A shows all.\n"


def test_pods_as_json_and_yaml_have_what_the_page_describes(api: Cluster) -> None:
    plain = json.loads(said(api, "pods", "-n", "nf", "-o", "json"))
    assert plain == yaml.safe_load(said(api, "pods", "-A", "-o", "yaml"))
    assert [(one["pod"], one["path"]) for one in plain] == [("fwd-0", "VF"), ("fwd-1", "Synthetic")]
    page = (Path(__file__).parents[3] / "docs/kubectl.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    described = {word for row in rows for word in row.split("`")[1::2]}
    assert {key for one in plain for key in one} - described == set()


def test_a_pod_that_nothing_announces_is_not_said_to_be_starting(api: Cluster) -> None:
    starting = Announcement(state=AnnounceState.UNKNOWN, reason=STARTING)
    alone, soon = (
        replace(nodes.held(nodes.pair(number), pod=pod, namespace="nf"), announcement=starting)
        for number, pod in ((4, "plain"), (5, "fwd-0"))
    )
    report(api, "aks-0", alone, soon)
    rows = said(api, "pods", "-n", "nf").splitlines()[1:]
    report(api, "aks-0", FAST, SLOW, FREE)
    assert "Unknown (Starting)" in row_of("fwd-0", rows)
    assert "NotAnnounced" in row_of("plain", rows)


@pytest.mark.parametrize("verb", ["status", "events"])
def test_json_and_yaml_are_the_objects_themselves(api: Cluster, verb: str) -> None:
    words = (verb, "-n", "nf")
    plain = json.loads(said(api, *words, "-o", "json"))
    assert plain == yaml.safe_load(said(api, *words, "-o", "yaml"))
    assert plain["kind"] == "List"
    assert len(plain["items"]) == 2


def test_events_are_the_operators_own(api: Cluster) -> None:
    other = _event("VFRevoked", "somebody else's") | {"reportingController": "example.org/other"}
    other["metadata"]["name"] = "other"
    api.apply(other, namespace="nf")
    rows = said(api, "events", "-n", "nf").splitlines()[1:]
    assert [row.split()[1] for row in rows] == ["VFRevoked", "VFReturned"]
    assert rows[0].split()[2:] == ["pod", "nf/fwd-0", "left"]
    assert said(api, "events") == "No event of netvsc-operator here.\n"


def test_reannounce_orders_by_the_annotation_that_the_controller_hears(api: Cluster) -> None:
    out = said(api, "reannounce", "fwd-0", "-n", "nf")
    assert out.startswith("pod/fwd-0: ordered")
    first = api.get("pod", "fwd-0", "-n", "nf")["metadata"]["annotations"]["netvsc.io/reannounce"]
    said(api, "reannounce", "fwd-0", "-n", "nf")
    again = api.get("pod", "fwd-0", "-n", "nf")["metadata"]["annotations"]["netvsc.io/reannounce"]
    assert again > first


def test_a_pod_that_would_not_hear_is_refused_with_the_reason(api: Cluster) -> None:
    code, _, errors = netvsc(api, "reannounce", "plain", "-n", "nf")
    assert (code, "has no sidecar netvsc-fdpipe" in errors) == (1, True)


def test_a_pod_that_is_not_there_is_named(api: Cluster) -> None:
    code, out, errors = netvsc(api, "reannounce", "nobody", "-n", "nf")
    assert (code, out) == (1, "")
    assert 'pods "nobody" not found' in errors


def test_whoever_may_not_is_told_how_to_see_what_he_may(api: Cluster, tmp_path: Path) -> None:
    config = yaml.safe_load(api.layout.kubeconfig.read_text())
    token = api.kubectl("create", "token", "default", "-n", "nf").strip()
    config["users"][0]["user"] = {"token": token}
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config))
    code, _, errors = netvsc(api, "status", "--watch", config=file)
    assert code == 1
    assert "kubectl auth can-i list netvscnodes.netvsc.io" in errors


def test_without_a_kubeconfig_the_remedy_is_named(api: Cluster, tmp_path: Path) -> None:
    code, _, errors = netvsc(api, "status", config=tmp_path / "none")
    assert (code, "name a kubeconfig" in errors) == (1, True)


def test_contexts_come_together_from_several_files(api: Cluster, tmp_path: Path) -> None:
    whole = yaml.safe_load(api.layout.kubeconfig.read_text())
    [context] = whole.pop("contexts")
    there = {"name": "there", "context": {**context["context"], "namespace": "nf"}}
    parts = {"clusters": whole, "contexts": {"contexts": [context, there]}}
    for name, part in parts.items():
        (tmp_path / name).write_text(yaml.safe_dump(part))
    several = Path(":".join(str(tmp_path / name) for name in ("none", *parts)))
    code, out, _ = netvsc(api, "--context", "there", "pods", config=several)
    assert (code, "fwd-0" in out) == (0, True)
    code, out, _ = netvsc(api, "pods", "--context", "there", "-n", "default", config=several)
    assert (code, "in namespace default" in out) == (0, True)
    code, _, errors = netvsc(api, "pods", "--context", "nowhere", config=several)
    assert (code, "it has" in errors) == (1, True)


def test_a_credential_plugin_is_asked_who_we_are(api: Cluster, tmp_path: Path) -> None:
    login = Login(api, tmp_path)
    code, out, errors = netvsc(api, "pods", "-n", "nf", config=login.config())
    assert (code, errors) == (0, "")
    assert "fwd-0" in out
    [told] = login.asked()
    assert told["apiVersion"] == "client.authentication.k8s.io/v1"
    assert (told["spec"]["interactive"], "server" in told["spec"]["cluster"]) == (False, True)


def test_a_plugins_certificate_is_as_good_as_a_token(api: Cluster, tmp_path: Path) -> None:
    config = Login(api, tmp_path).config(version="v1beta1", gives="certificate")
    code, out, errors = netvsc(api, "reannounce", "fwd-0", "-n", "nf", config=config)
    assert (code, errors) == (0, "")
    assert "ordered" in out


def test_a_token_that_ends_is_renewed_while_watching(api: Cluster, tmp_path: Path) -> None:
    login = Login(api, tmp_path)
    config = login.config(life_s=1)
    with watching(api, "pods", "-n", "nf", "--watch", config=config) as tables:
        next(tables)
        report(api, "aks-0", nodes.revoked(FAST), SLOW, FREE)
        assert "Synthetic" in row_of("fwd-0", next(tables))
    report(api, "aks-0", FAST, SLOW, FREE)
    assert len(login.asked()) > 1


def test_a_token_that_is_refused_is_no_question_of_rights(api: Cluster, tmp_path: Path) -> None:
    config = Login(api, tmp_path).config(gives="nonsense")
    code, _, errors = netvsc(api, "status", config=config)
    assert (code, "kubectl auth whoami" in errors) == (1, True)


def test_a_server_is_held_to_the_name_that_the_kubeconfig_gives_it(
    api: Cluster, tmp_path: Path
) -> None:
    config = yaml.safe_load(api.layout.kubeconfig.read_text())
    file = tmp_path / "config"
    for name, works in (("kubernetes.default.svc", True), ("somebody.else", False)):
        config["clusters"][0]["cluster"]["tls-server-name"] = name
        file.write_text(yaml.safe_dump(config))
        code, _, errors = netvsc(api, "status", config=file)
        assert (code == 0, name in errors) == (works, not works)


def test_the_usual_place_is_looked_at(api: Cluster, tmp_path: Path) -> None:
    usual = tmp_path / ".kube/config"
    usual.parent.mkdir()
    usual.write_text(api.layout.kubeconfig.read_text())
    where = environment(api) | {"HOME": str(tmp_path)}
    del where["KUBECONFIG"]
    done = subprocess.run(
        ["kubectl-netvsc", "status"],
        env=where,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
        text=True,
    )
    assert "aks-0" in done.stdout, done.stderr


def test_watching_prints_anew_when_a_vf_leaves(api: Cluster) -> None:
    with watching(api, "pods", "-n", "nf", "--watch") as tables:
        assert "Synthetic" not in row_of("fwd-0", next(tables))
        report(api, "aks-0", nodes.revoked(FAST), SLOW, FREE)
        assert "Synthetic" in row_of("fwd-0", next(tables))
        report(api, "aks-0", FAST, SLOW, FREE)
        assert "Synthetic" not in row_of("fwd-0", next(tables))


def test_without_the_kinds_the_remedy_is_named(api: Cluster) -> None:
    """The last one: it takes the kinds away."""
    api.kubectl("delete", "crd", "netvscnodes.netvsc.io")
    code, _, errors = netvsc(api, "status", "--watch")
    assert (code, "is netvsc-operator installed?" in errors) == (1, True)


@contextmanager
def watching(
    cluster: Cluster, *words: str, config: Path | None = None
) -> Iterator[Iterator[list[str]]]:
    """The tables that it prints, as they come; an empty line ends each."""
    command, where = ["kubectl-netvsc", *words], environment(cluster, config)
    running = subprocess.Popen(command, env=where, stdout=subprocess.PIPE, text=True)
    deadline = threading.Timer(PATIENCE_S, running.kill)
    deadline.start()
    try:
        yield _tables(running)
    finally:
        deadline.cancel()
        running.terminate()
        running.communicate(timeout=PATIENCE_S)


def _tables(running: subprocess.Popen[str]) -> Iterator[list[str]]:
    assert running.stdout
    table: list[str] = []
    for line in running.stdout:
        if line.strip():
            table.append(line)
        else:
            yield table
            table = []


def row_of(pod: str, table: list[str]) -> str:
    return next(row for row in table if f" {pod} " in row)
