"""Admission as the apiserver does it: who asks for a pair is asked about, nobody else."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from cluster.apiserver import apiserver
from cluster.harness.errors import ClusterError
from cluster.operator.webhook import Webhook, configurations, trusted
from netvsc_operator.certificates.manager import CertificateSettings, keep
from netvsc_operator.kube import PODS, SECRETS, ApiError, Kube, Listed, Watch, config_loader
from netvsc_operator.objects import Scope
from sim.cluster.secret import Secret
from sim.cluster.webhook import pod, review

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster
Object = dict[str, Any]
PATCHED = "netvsc_admission_reviews_total"


@pytest.fixture(scope="module")
def api() -> Iterator[Cluster]:
    with apiserver("webhook") as cluster:
        config = str(cluster.layout.kubeconfig)
        words = [sys.executable, "-m", "netvsc_operator", "crds", "--kubeconfig", config]
        subprocess.run(words, check=True, timeout=60)
        pool(cluster, "pair")
        yield cluster


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Secret:
    made = Secret(tmp_path_factory.mktemp("tls"))
    made.renew()
    return made


@pytest.fixture
def webhook(api: Cluster, secret: Secret) -> Iterator[Webhook]:
    with Webhook(api, secret.folder) as running, trusted(api, secret):
        until_ready(api, running)
        yield running


def until_ready(api: Cluster, webhook: Webhook) -> None:
    """Wait for the process to know the pools, and for the apiserver to ask it."""
    deadline = time.monotonic() + 30
    while webhook.page("/readyz")[0] != 200 or "netvsc-fdpipe" not in dry(api, pod()):
        assert time.monotonic() < deadline, webhook.page("/readyz")[1]
        time.sleep(0.1)  # the apiserver says nowhere which webhooks it has heard of


def pool(api: Cluster, name: str, **spec: object) -> None:
    api.kubectl("create", "-f", "-", stdin=json.dumps(pool_object(name, **spec)))


def pool_object(name: str, **spec: object) -> Object:
    return {
        "apiVersion": "netvsc.io/v1alpha1",
        "kind": "NetvscPool",
        "metadata": {"name": name},
        "spec": spec,
    }


def dry(api: Cluster, thing: Object) -> str:
    words = ("create", "--dry-run=server", "-o", "json", "-f", "-")
    return api.kubectl(*words, stdin=json.dumps(thing))


def plain(**container: object) -> Object:
    """A pod that asks for no pair."""
    thing = pod()
    del thing["spec"]["containers"][0]["resources"]
    thing["spec"]["containers"][0] |= container
    return thing


def test_a_pod_that_asks_for_a_pair_gets_all_it_needs(api: Cluster, webhook: Webhook) -> None:
    made = json.loads(dry(api, pod()))
    assert made["metadata"]["labels"]["netvsc.io/injected"] == "v1"
    assert [c["name"] for c in made["spec"]["initContainers"]] == ["netvsc-fdpipe"]
    assert made["spec"]["containers"][0]["command"][0] == "/run/netvsc/bin/fdpipe"
    assert webhook.metric(PATCHED, result="patched") >= 1


@pytest.mark.parametrize(
    "thing",
    [
        plain(),
        plain(resources={}),
        plain(resources={"limits": {"cpu": "1"}}),
        plain(resources={"requests": {"memory": "1Mi"}}),
        plain(resources={"limits": {"example.com/netvsc.io": "1"}}),
    ],
    ids=["no resources", "empty", "cpu", "requests alone", "somebody else's"],
)
def test_a_pod_that_asks_for_none_never_reaches_us(
    api: Cluster, webhook: Webhook, thing: Object
) -> None:
    before = webhook.asked()
    made = json.loads(dry(api, thing))
    assert "initContainers" not in made["spec"]
    assert webhook.asked() == before


def test_an_init_container_that_asks_is_enough(api: Cluster, webhook: Webhook) -> None:
    before = webhook.asked()
    thing = plain()
    asking = pod()["spec"]["containers"][0] | {"name": "first", "restartPolicy": "Always"}
    thing["spec"]["initContainers"] = [asking]
    dry(api, thing)
    assert webhook.asked() > before


def test_a_refusal_reaches_the_person_with_its_remedy(api: Cluster, webhook: Webhook) -> None:
    with pytest.raises(ClusterError, match=r"netvsc.io/nobody.*there are netvsc.io/pair"):
        dry(api, pod(resource="netvsc.io/nobody"))
    assert webhook.metric(PATCHED, result="refused") == 1


def test_many_reviews_take_one_connection(api: Cluster, webhook: Webhook) -> None:
    before = webhook.asked()
    for _ in range(20):
        dry(api, pod())
    assert webhook.asked() >= before + 20
    assert webhook.connections() <= 2


def test_a_pool_that_only_we_can_judge_is_refused(api: Cluster, webhook: Webhook) -> None:
    before = webhook.asked()
    with pytest.raises(ClusterError, match="host bits set"):
        dry(api, pool_object("lab", selector={"subnets": ["10.0.1.1/24"]}))
    with pytest.raises(ClusterError, match=r"netvsc.io/pair' is NetvscPool pair's already"):
        dry(api, pool_object("lab", resource="netvsc.io/pair"))
    dry(api, pool_object("lab"))
    assert webhook.asked() == before + 3


def test_a_pod_that_is_nearly_three_megabytes_is_answered(api: Cluster, webhook: Webhook) -> None:
    thing = pod()
    thing["spec"]["containers"][0]["env"] = [
        {"name": f"E{number}", "value": "x" * 100_000} for number in range(27)
    ]
    before = webhook.metric(PATCHED, result="patched")
    assert "netvsc-fdpipe" in dry(api, thing)
    assert webhook.metric(PATCHED, result="patched") > before


def test_nonsense_is_told_so_and_the_next_review_is_answered(
    api: Cluster, webhook: Webhook, secret: Secret
) -> None:
    authority = secret.authority.certificate
    for body in (b"", b"nonsense", b"[]", b'{"request": 1}', b"{" * 100_000):
        status, why = webhook.ask(body, authority)
        assert status == 400, why
        assert why
    status, why = webhook.ask(b" " * 9_000_000, authority)
    assert status == 413
    assert "may have" in why
    assert "netvsc-fdpipe" in dry(api, pod())


def test_without_us_only_those_who_ask_for_a_pair_wait(api: Cluster, webhook: Webhook) -> None:
    webhook.kill()
    with pytest.raises(ClusterError, match=r"pods\.netvsc\.io"):
        dry(api, pod())
    assert json.loads(dry(api, plain()))["spec"]["containers"]


def test_while_the_apiserver_is_away_the_last_pools_serve_and_then_it_catches_up(
    api: Cluster, webhook: Webhook, secret: Secret
) -> None:
    body = json.dumps(review(pod())).encode()
    api.node.stop("kube-apiserver")
    assert webhook.page("/readyz") == (200, "ok\n")
    status, answer = webhook.ask(body, secret.authority.certificate)
    assert status == 200
    assert json.loads(answer)["response"]["allowed"]
    api.node.start("kube-apiserver")
    pool(api, "late")
    deadline = time.monotonic() + 30
    while "netvsc.io/late" not in answered(webhook, pod(resource="netvsc.io/none"), secret):
        assert time.monotonic() < deadline, webhook.lines
        time.sleep(0.1)  # the watch's pause is its own affair
    until_ready(api, webhook)
    assert "netvsc-fdpipe" in dry(api, pod(resource="netvsc.io/late"))


def answered(webhook: Webhook, thing: Object, secret: Secret) -> str:
    body = json.dumps(review(thing)).encode()
    return webhook.ask(body, secret.authority.certificate)[1]


class Load:
    """Pods that are made, and unmade, as fast as four clients can; each failure is kept."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []
        self._more = asyncio.Event()
        self.made = 0
        self.failures: list[str] = []

    async def __aenter__(self) -> Load:  # noqa: PYI034
        self._tasks = [asyncio.create_task(self._make(number)) for number in range(4)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending = True
        await asyncio.gather(*self._tasks)

    async def _make(self, number: int) -> None:
        turn = 0
        while not self._ending:
            turn += 1
            name = f"load-{number}-{turn}"
            thing = pod() | {"metadata": {"name": name}}
            try:
                made = await self._kube.create(PODS, thing, namespace="default")
                assert "netvsc.io/interfaces" in made["metadata"]["annotations"]
                await self._kube.delete(PODS, name, namespace="default")
            except ApiError as error:
                self.failures.append(str(error))
            self.made += 1
            self._more.set()

    async def reaches(self, count: int) -> None:
        while self.made < count:
            self._more.clear()
            await self._more.wait()


def test_ten_certificates_under_load_and_no_pod_fails(
    api: Cluster, webhook: Webhook, secret: Secret
) -> None:
    async def run() -> Load:
        async with Kube(config_loader(api.layout.kubeconfig)) as kube, Load(kube) as load:
            for number in range(10):
                made = load.made
                secret.renew()
                await load.reaches(made + 8)
                loads = webhook.metric("netvsc_certificate_loads_total", result="loaded")
                assert loads >= number + 1
        return load

    load = asyncio.run(run())
    assert load.failures == []
    assert load.made >= 80


def test_the_owner_makes_everything_and_renews_it_and_no_pod_fails(
    api: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Three serving certificates and a second authority within half a minute."""
    mounted = Secret(tmp_path_factory.mktemp("owned"))
    settings = CertificateSettings(
        namespace="default",
        secret="owned",  # noqa: S106 (a name)
        more_names=("127.0.0.1",),
        authority_s=30,
        serving_s=9,
        settle_s=2,
    )
    things = configurations(api)
    api.apply(*things)
    ends: set[float] = set()
    looked = asyncio.Event()

    def expires(at: float) -> None:
        ends.add(at)
        looked.set()

    async def run(webhook: Webhook) -> Load:
        async with (
            Kube(config_loader(api.layout.kubeconfig)) as kube,
            asyncio.TaskGroup() as all_,
        ):
            tasks = [
                all_.create_task(keep(kube, settings, expires=expires)),
                all_.create_task(mount(kube, mounted)),
            ]
            await asyncio.to_thread(until_ready, api, webhook)
            async with Load(kube) as load:
                await asyncio.to_thread(spoil, api, things[0])
                while len(ends) < 4 or len(set(authorities(api))) < 2:
                    looked.clear()
                    await looked.wait()
            told = authorities(api)
            assert len(told) == len(set(told)), "what was spoilt is as it was"
            for task in tasks:
                task.cancel()
        return load

    try:
        with Webhook(api, mounted.folder) as webhook:
            load = asyncio.run(asyncio.wait_for(run(webhook), timeout=90))
            renewed = webhook.metric("netvsc_certificate_loads_total", result="loaded")
    finally:
        for thing in things:
            api.kubectl("delete", thing["kind"], thing["metadata"]["name"])
    assert load.failures == []
    assert load.made > 20
    assert renewed >= 4


async def mount(kube: Kube, mounted: Secret) -> None:
    """Do the kubelet's part: what the Secret holds comes into the folder, here at once."""
    watch = Watch(kube, SECRETS, Scope(namespace="default", fields="metadata.name=owned"))
    async with aclosing(watch.events()) as events:
        async for event in events:
            things = event.objects if isinstance(event, Listed) else (event.object,)
            for thing in things:
                data = {key: base64.b64decode(text).decode() for key, text in thing["data"].items()}
                mounted.put(data["tls.crt"], data["tls.key"])


def spoil(api: Cluster, thing: Object) -> None:
    """Take the bundle out of one webhook, as a careless `kubectl apply` does."""
    kind, name = thing["kind"], thing["metadata"]["name"]
    path = "/webhooks/0/clientConfig/caBundle"
    patch = json.dumps([{"op": "replace", "path": path, "value": first_bundle(api, kind, name)}])
    api.kubectl("patch", kind, name, "--type=json", "-p", patch)


def first_bundle(api: Cluster, kind: str, name: str) -> str:
    """The same authority twice: trusted all the time, and yet not what should be there."""
    bundle = api.get(kind, name)["webhooks"][0]["clientConfig"]["caBundle"]
    return base64.b64encode(base64.b64decode(bundle) * 2).decode()


def authorities(api: Cluster) -> list[str]:
    found = api.get("mutatingwebhookconfiguration", "netvsc-webhook")["webhooks"][0]
    text = base64.b64decode(found["clientConfig"].get("caBundle", "")).decode()
    return [part for part in text.split("-----BEGIN") if part.strip()]
