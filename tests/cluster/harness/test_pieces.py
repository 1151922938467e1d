"""The harness's pure parts, which need no cluster."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from cluster.harness import Link, Start, cgroups, components, config, pin, recipes
from cluster.harness.images import archive
from cluster.harness.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.cluster


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(home=tmp_path, name="pieces", release="1.36")


def test_the_same_files_make_the_same_image_and_a_change_another() -> None:
    start = Start(entrypoint=["/app"], env=["A=b"], user="65532")
    one = archive("netvsc.io/test/a:1", {"/app": b"one", "/link": Link("app")}, start=start)

    assert one == archive("netvsc.io/test/a:1", {"/link": Link("app"), "/app": b"one"}, start=start)
    assert one != archive("netvsc.io/test/a:1", {"/app": b"two", "/link": Link("app")}, start=start)


def test_an_image_carries_its_name_its_user_and_its_files() -> None:
    start = Start(entrypoint=["/app"], env=["A=b"], user="65532")
    packed = archive("netvsc.io/test/a:1", {"/bin/app": b"one", "/link": Link("app")}, start=start)

    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        blobs = {entry.name: tar.extractfile(entry) for entry in tar}
        texts = {name: blob.read() for name, blob in blobs.items() if blob}
    [named] = json.loads(texts["index.json"])["manifests"]
    assert named["annotations"]["io.containerd.image.name"] == "netvsc.io/test/a:1"
    manifest = json.loads(texts[f"blobs/sha256/{named['digest'][7:]}"])
    told = json.loads(texts[f"blobs/sha256/{manifest['config']['digest'][7:]}"])["config"]
    assert (told["Entrypoint"], told["User"], told["Env"][-1]) == (["/app"], "65532", "A=b")
    layer = texts[f"blobs/sha256/{manifest['layers'][0]['digest'][7:]}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        assert tar.getmember("bin/app").mode == 0o755
        assert tar.getmember("link").linkname == "app"


def test_on_cgroup_v2_there_is_one_folder_and_its_controllers_are_delegated(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids rdma\n")
    (tmp_path / "cgroup.subtree_control").touch()

    cgroups.make("ours", root=tmp_path)

    assert cgroups.found("ours", root=tmp_path) == [tmp_path / "ours"]
    cgroups.remove("ours", root=tmp_path)
    assert cgroups.found("ours", root=tmp_path) == []


def test_on_cgroup_v1_each_hierarchy_gets_one_folder_and_a_cpuset_is_filled(tmp_path: Path) -> None:
    for name in ("cpu,cpuacct", "cpuset", "memory"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpu").symlink_to("cpu,cpuacct")
    for file in ("cpuset.cpus", "cpuset.mems"):
        (tmp_path / "cpuset" / file).write_text("0-3")

    cgroups.make("ours", root=tmp_path)

    assert [path.parent.name for path in cgroups.found("ours", root=tmp_path)] == [
        "cpu,cpuacct",
        "cpuset",
        "memory",
    ]
    assert (tmp_path / "cpuset/ours/cpuset.cpus").read_text() == "0-3"


def test_every_release_has_its_pins_and_is_stamped_with_its_version(layout: Layout) -> None:
    told = recipes.versions()
    for release in recipes.RELEASES:
        assert told[f"kubernetes {release}"].startswith(f"v{release}.")
        made = Layout(home=layout.home, name=layout.name, release=release)
        assert f"gitVersion={told[f'kubernetes {release}']}" in recipes.recipes(made)[0].ldflags


def test_go_modules_name_no_place_they_are_fetched_from() -> None:
    for modfile in recipes.MODULES.glob("*/*.mod"):
        assert "//proxy" not in modfile.read_text(), modfile


def test_a_recipe_is_built_again_when_its_module_changes(tmp_path: Path) -> None:
    for file in ("go.mod", "go.sum", "main.go"):
        (tmp_path / file).write_text(file)
    recipe = recipes.Recipe("any", tmp_path, (".",), tmp_path / "out")
    before = recipe.key

    assert recipe.key == before
    (tmp_path / "main.go").write_text("package main")
    assert recipe.key != before


def test_a_pinned_kubernetes_takes_its_staging_modules_from_where_they_are_published() -> None:
    upstream = {
        "Go": "1.26.0",
        "Require": [
            {"Path": "github.com/spf13/cobra", "Version": "v1.10.2"},
            {"Path": "go.etcd.io/etcd/client/v3", "Version": "v3.6.8"},
        ],
        "Replace": [{"Old": {"Path": "k8s.io/api"}}],
    }
    text = pin.derived("v1.36.3", upstream, godebug=["godebug default=go1.26"])

    assert "\tk8s.io/api => k8s.io/api v0.36.3\n" in text
    assert "\tgo.etcd.io/etcd/server/v3 v3.6.8\n" in text
    assert "\tk8s.io/kubernetes v1.36.3\n" in text
    assert "godebug default=go1.26\n" in text


def test_configurations_are_valid_and_name_only_folders_of_their_cluster(layout: Layout) -> None:
    kubelet = json.loads(config.kubelet(layout))
    assert kubelet["cgroupRoot"] == "/netvsc-cluster-pieces"
    assert kubelet["tlsCertFile"].startswith(str(layout.run))
    chained = json.loads(config.conflist({"type": "ours"}, version="1.1.0"))
    assert chained["cniVersion"] == "1.1.0"
    assert [plugin["type"] for plugin in chained["plugins"]] == ["bridge", "portmap", "ours"]
    for component in components.table(layout).values():
        assert component.argv[0].startswith(str(layout.home)), component.name
