"""The pages before the real thing: apiserver, webhook, kubectl, helm, promtool; README's tour."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cluster.chart.rendering import helm
from cluster.deployments.agent_only import wait_allocatable
from cluster.deployments.simulated_nics import NICS
from cluster.harness import ClusterError, addresses, layout
from cluster.harness.wait import until
from cluster.monitoring.prometheus import program
from cluster.multus import definition
from cluster.pods import container, pod
from docs_check.blocks import PAGES, ROOT, all_blocks, blocks
from docs_check.commands import typed
from docs_check.yamls import objects, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from docs_check.commands import Words

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
PAIR = "netvsc.io/pair"
TOUR = ROOT / "tests/cluster/pair-pod.yaml"
PODS = [made for made in wanted() if made["kind"] == "Pod"]
OTHERS = [made for made in wanted() if made["kind"] != "Pod"]
# What cannot be had without taking the webhook or our plugin from everybody: seen by hand.
BY_HAND = {
    (
        'failed calling webhook "pods.netvsc.io": failed to call webhook: '
        'Post "https://netvsc-webhook.netvsc-system.svc:443/mutate?timeout=5s"'
    ),
    'failed to find plugin "netvsc-cni" in path',
}


def tried(cluster: Cluster, made: Object, namespace: str) -> Object:
    """What the apiserver would make of an object."""
    text = json.dumps({**made, "metadata": {**made["metadata"], "namespace": namespace}})
    # By the server's own merge: a pool of the chart's is there already, and is not changed.
    how = ("--server-side", "--force-conflicts", "--dry-run=server", "-o", "json", "-f", "-")
    found: Object = json.loads(cluster.kubectl("apply", *how, stdin=text))
    return found


@pytest.mark.parametrize("made", PODS, ids=lambda made: str(made["metadata"]["name"]))
def test_a_pod_of_the_pages_is_taken_and_injected(
    cluster: Cluster, whole: Nics, namespace: str, made: Object
) -> None:
    assert whole
    first, *_ = tried(cluster, made, namespace)["spec"]["initContainers"]
    assert first["name"] == "netvsc-fdpipe"


@pytest.fixture
def known_to_multus(cluster: Cluster) -> Iterator[None]:
    """Its kind of object, for as long as the test lasts."""
    cluster.apply(definition())
    name = f"crd/{definition()['metadata']['name']}"
    cluster.kubectl("wait", "--for=condition=Established", name, "--timeout=30s")
    yield
    cluster.kubectl("delete", name, "--wait")


@pytest.mark.usefixtures("known_to_multus")
def test_every_other_object_of_the_pages_is_taken(
    cluster: Cluster, whole: Nics, namespace: str
) -> None:
    assert whole
    assert {made["kind"] for made in OTHERS} >= {"NetvscPool", "Job", "NetworkAttachmentDefinition"}
    for made in OTHERS:
        where = {} if made["kind"] == "NetvscPool" else {"namespace": namespace}
        text = json.dumps({**made, "metadata": {**made["metadata"], **where}})
        how = ("--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
        assert "serverside-applied" in cluster.kubectl("apply", *how, stdin=text)


def commands_of(name: str) -> list[Words]:
    """Each once, without those of our own plugin."""
    found = [words for block in all_blocks("sh", "console") for words in typed(block)]
    return sorted({words for words in found if words[0] == name and words[1] != "netvsc"})


def test_kubectl_takes_every_command_of_the_pages(cluster: Cluster) -> None:
    """It parses all options before it shows its help."""
    several = commands_of("kubectl")
    assert len(several) > 20
    for words in several:
        own = words[1 : words.index("--") if "--" in words else None]
        assert "Usage:" in cluster.kubectl(*own, "--help")


def test_helm_takes_every_command_of_the_pages(cluster: Cluster) -> None:
    several = commands_of("helm")
    assert len(several) > 5
    for words in several:
        assert "Usage:" in cluster.helm(*words[1:], "--help")


def charted(page: Path) -> list[Words]:
    """The commands of a page that render the chart."""
    several = [words for one in blocks(page) if one.kind == "sh" for words in typed(one)]
    return [words for words in several if words[:2] in {("helm", "install"), ("helm", "upgrade")}]


def test_the_chart_takes_the_values_of_every_page(tmp_path: Path) -> None:
    rendered = {
        page.name: [_rendered(page, one, tmp_path) for one in charted(page)] for page in PAGES
    }
    assert {name for name, found in rendered.items() if found} >= {"aks.md", "operations.md"}
    assert all("kind: DaemonSet" in text for found in rendered.values() for text in found)


def _rendered(page: Path, words: Words, folder: Path) -> str:
    """What `helm template` makes of the command, with the page's own values."""
    values = folder / "values.yaml"
    values.write_text("".join(one.text for one in blocks(page) if one.kind == "yaml values"))
    _, _, release, _, *options = words
    given = [str(values) if word == "values.yaml" else word for word in options]
    chart = ("template", release, str(ROOT / "charts/netvsc-operator"), "--kube-version", "1.30.0")
    return helm(*chart, *(word for word in given if word not in {"--install", "--wait"}))


def test_prometheus_takes_every_query_of_the_pages(tmp_path: Path) -> None:
    queries = [block.text for block in all_blocks("promql")]
    rules = [{"record": f"page:{number}", "expr": text} for number, text in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "pages", "rules": rules}]}))
    tool = program(layout("rules"), "promtool")
    done = subprocess.run(
        [str(tool), "check", "rules", str(file)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_kubernetes_says_on_the_pages_is_what_it_says(
    cluster: Cluster, whole: Nics, namespace: str
) -> None:
    assert whole
    wait_allocatable(cluster, PAIR, len(NICS))
    heard = [refused(cluster, namespace), pending(cluster, namespace), failed(cluster, namespace)]
    quoted = {line for block in all_blocks("text kubernetes") for line in block.text.splitlines()}
    unheard = {line for line in quoted - BY_HAND if not any(line in said for said in heard)}
    assert unheard == set()


def refused(cluster: Cluster, namespace: str) -> str:
    [block] = all_blocks("yaml refused")
    [made] = objects(block)
    with pytest.raises(ClusterError) as error:
        tried(cluster, made, namespace)
    return str(error.value)


def _asking(name: str, pairs: int, **spec: object) -> Object:
    asks = container("main", "sleep", "infinity", resources={"limits": {PAIR: str(pairs)}})
    return pod(name, asks, metadata={"annotations": {"netvsc.io/mode": "none"}}, **spec)


def pending(cluster: Cluster, namespace: str) -> str:
    cluster.apply(_asking("many", len(NICS) + 1), namespace=namespace)
    told = "jsonpath={.status.conditions[?(@.type=='PodScheduled')].message}"
    cluster.kubectl("wait", "pod/many", "-n", namespace, f"--for={told}", "--timeout=60s")
    return cluster.kubectl("get", "pod", "many", "-n", namespace, "-o", told)


def failed(cluster: Cluster, namespace: str) -> str:
    """As if the scheduler had thought that there were more."""
    cluster.apply(_asking("bound", len(NICS) + 1, nodeName=addresses.NODE), namespace=namespace)
    where = ("pod/bound", "-n", namespace)
    cluster.kubectl("wait", *where, "--for=jsonpath={.status.phase}=Failed", "--timeout=60s")
    status = cluster.get(*where)["status"]
    assert status["reason"] == "UnexpectedAdmissionError"
    return str(status["message"])


def test_the_tour_of_the_readme_shows_what_it_says(
    cluster: Cluster, whole: Nics, namespace: str
) -> None:
    for nic in NICS:
        if f"{nic.vf}-far" not in whole.on_host():  # another test took its VF
            whole.give(nic)
    wait_allocatable(cluster, PAIR, len(NICS))
    cluster.kubectl("apply", "-n", namespace, "-f", str(TOUR))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/sim", "-n", namespace, "--timeout=60s")
    [given] = [nic for nic in NICS if nic.name not in whole.on_host()]
    said(cluster, namespace, ["plugged"])
    whole.revoke(given)
    said(cluster, namespace, ["plugged", "unplugged"])
    whole.give(given)
    said(cluster, namespace, ["plugged", "unplugged", "plugged"])
    accelerated = "--for=condition=netvsc.io/Accelerated"
    cluster.kubectl("wait", accelerated, "pod/sim", "-n", namespace, "--timeout=60s")
    cluster.kubectl("delete", "pod", "sim", "-n", namespace, "--wait", "--timeout=60s")
    until(lambda: free(cluster) == len(NICS), what="every pair to be free", seconds=60, pause=0.2)


def free(cluster: Cluster) -> int:
    """As the next test finds it, and `kubectl get nvn`."""
    summary = cluster.get("netvscnode", addresses.NODE)["status"]["summary"]
    return int(summary["free"])


def said(cluster: Cluster, namespace: str, wanted: list[str]) -> None:
    """The application's own words, which are its container's last lines."""

    def now() -> bool:
        lines = cluster.kubectl("logs", "sim", "-c", "app", "-n", namespace).splitlines()
        return [line.split()[0] for line in lines if "plugged" in line] == wanted

    until(now, what=f"the application to say {wanted[-1]}", seconds=60, pause=0.2)
