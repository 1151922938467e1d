"""What comes back of the apiserver, and that a watch goes on whatever happens to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import Configuration

from netvsc.errors import NetvscError
from netvsc_operator.api_errors import ApiError, Unavailable
from netvsc_operator.kinds import EVENTS, NETVSC_NODES, PODS
from netvsc_operator.kubectl.api import Api
from netvsc_operator.kubectl.connection import Connector
from netvsc_operator.kubectl.following import following
from netvsc_operator.kubectl.kubeconfig import Context
from netvsc_operator.kubectl.sidecars import SidecarLookup
from netvsc_operator.objects import Listing, Scope
from sim.secure import Asked, Said, Secure, served

Object = dict[str, Any]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Secure]:
    with served(folder=tmp_path) as running:
        yield running


@pytest.fixture
def api(server: Secure) -> Api:
    def find() -> Context:
        made = Configuration(host=server.url)
        made.retries = False
        return Context(configuration=made, namespace="nf")

    return Api(Connector(find))


def thing(name: str, version: int) -> Object:
    return {"metadata": {"name": name, "uid": name, "resourceVersion": str(version)}}


def listing(version: int, *names: str) -> Said:
    items = [thing(name, version) for name in names]
    return 200, {"metadata": {"resourceVersion": str(version)}, "items": items}


def lines(*told: tuple[str, Object]) -> Said:
    return 200, "".join(json.dumps({"type": how, "object": one}) + "\n" for how, one in told)


def names(found: list[Object]) -> list[str]:
    return [one["metadata"]["name"] for one in found]


def test_a_path_names_group_namespace_and_object() -> None:
    assert PODS.path(namespace="nf", name="a/b") == "/api/v1/namespaces/nf/pods/a%2Fb"
    assert NETVSC_NODES.path() == "/apis/netvsc.io/v1alpha1/netvscnodes"
    assert (str(EVENTS), str(PODS)) == ("events.events.k8s.io", "pods")


def test_a_list_is_read_in_pages_and_keeps_the_selectors(api: Api, server: Secure) -> None:
    def answer(asked: Asked) -> Said:
        _, page = listing(7, "b" if "continue" in asked.query else "a")
        assert isinstance(page, dict)
        more = {} if "continue" in asked.query else {"continue": "there"}
        return 200, {**page, "metadata": {**page["metadata"], **more}}

    server.answer = answer
    found = api.list(EVENTS, Scope(namespace="nf", fields="reason=x"))
    assert (names(list(found.items)), found.version) == (["a", "b"], "7")
    assert [one.query for one in server.asked] == [
        {"fieldSelector": "reason=x", "limit": "500"},
        {"fieldSelector": "reason=x", "limit": "500", "continue": "there"},
    ]


def test_a_patch_is_merged(api: Api, server: Secure) -> None:
    server.answer = lambda asked: (200, asked.body.decode())
    body = {"metadata": {"annotations": {"a": "b"}}}
    assert api.patch(PODS, "p", body, namespace="nf") == body
    [asked] = server.asked
    assert (asked.method, asked.path) == ("PATCH", "/api/v1/namespaces/nf/pods/p")
    assert asked.headers["content-type"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("said", "kind", "named"),
    [
        ((403, {"message": "you may not"}), ApiError, "you may not (403)"),
        ((404, "404 page not found\n"), ApiError, "404 page not found (404)"),
        ((503, {"message": "busy"}), Unavailable, "busy (503)"),
        ((429, ""), Unavailable, "(429)"),
        ((200, "<html>log in</html>"), Unavailable, "not an answer of an apiserver: <html>log in"),
        ((200, "[]"), Unavailable, "not an answer of an apiserver: []"),
        ((302, "see there"), ApiError, "see there (302)"),
    ],
)
def test_a_refusal_says_what_was_asked_and_the_answer(
    api: Api, server: Secure, said: Said, kind: type[NetvscError], named: str
) -> None:
    server.answer = lambda _asked: said
    with pytest.raises(kind) as caught:
        api.get(PODS, "p", namespace="nf")
    assert named in str(caught.value)
    assert "GET /api/v1/namespaces/nf/pods/p" in str(caught.value)


def test_a_server_that_is_not_there_is_said_once(
    server: Secure, api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    server.url = "http://127.0.0.1:9"
    with pytest.raises(Unavailable, match=r"does not answer: .*refused"):
        api.list(NETVSC_NODES, Scope())
    assert capfd.readouterr().err == ""


def test_a_watch_tells_changes_from_where_the_list_ended(api: Api, server: Secure) -> None:
    bookmark = {"metadata": {"resourceVersion": "9"}}
    server.answer = lambda _asked: lines(
        ("ADDED", thing("b", 5)), ("DELETED", thing("a", 6)), ("BOOKMARK", bookmark)
    )
    found = list(api.watch(NETVSC_NODES, Scope(), version="4"))
    assert [(one.object is not None, one.gone, one.version) for one in found] == [
        (True, False, "5"),
        (True, True, "6"),
        (False, False, "9"),
    ]
    assert server.asked[0].query == {
        "watch": "true",
        "resourceVersion": "4",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "60",
    }


GONE = ("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})


@pytest.mark.parametrize(
    ("between", "told"),
    [
        ([lines()], ""),
        ([lines(("BOOKMARK", {"metadata": {"resourceVersion": "3"}}))], ""),
        ([lines(GONE)], ""),
        ([(410, {"message": "too old"})], ""),
        ([(503, {"message": "busy"}), (503, {"message": "busy"})], "busy (503)"),
        ([(401, {"message": "who?"})], "who? (401)"),
        ([(200, "<html>log in</html>\n")], "not an answer of an apiserver"),
        ([(200, '{"hello": 1}\n')], "not an answer of an apiserver"),
    ],
)
def test_nothing_ends_a_watch(
    api: Api,
    server: Secure,
    between: list[Said],
    told: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    rest = [lines(("ADDED", thing("b", 2))), *between]

    def answer(asked: Asked) -> Said:
        if "watch" not in asked.query:
            return listing(3, "a", "b")
        return rest.pop(0) if rest else lines(("MODIFIED", thing("c", 4)))

    server.answer = answer
    begun = Listing((thing("a", 1),), "1")
    seen = islice(following(api, NETVSC_NODES, Scope(), begun), 5)
    several = [names(one) for one in seen]
    assert several[:2] == [["a"], ["a", "b"]]
    assert several[-1] == ["a", "b", "c"]
    said = capfd.readouterr().err
    assert told in said
    assert said.count("\n") == bool(told)


def test_a_pod_that_cannot_be_looked_at_is_not_said_to_have_no_sidecar(
    api: Api, server: Secure
) -> None:
    def answer(asked: Asked) -> Said:
        name = asked.path.rpartition("/")[2]
        pod = {**thing(name, 1), "spec": {"initContainers": [{"name": "netvsc-fdpipe"}]}}
        plain = {**thing(name, 1), "spec": {}}
        return {"with": (200, pod), "secret": (403, "")}.get(name, (200, plain))

    server.answer = answer
    pods = [("nf", name, name) for name in ("with", "secret", "plain", "other")]
    other = ("nf", "other", "of before")
    assert SidecarLookup(api).without([*pods[:3], other]) == {("nf", "plain", "plain")}
    assert len(server.asked) == len(pods)


def test_help_loads_no_client() -> None:
    program = """
import contextlib, sys
from netvsc_operator.kubectl.command import main
with contextlib.suppress(SystemExit):
    main(["--help"])
print(*{"kubernetes", "aiohttp", "asyncio", "yaml"} & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == ""


def test_a_listing_loads_neither_the_processes_client_nor_admission() -> None:
    program = """
import sys
import netvsc_operator.kubectl.verbs
heavy = {"aiohttp", "kubernetes.client.api.core_v1_api", "netvsc_operator.admission"}
print(*heavy & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == ""
