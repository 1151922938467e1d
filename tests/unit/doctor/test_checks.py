"""`netvsc doctor` on modelled nodes: all is well, or one thing is not and the fix is named."""

import argparse
import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netvsc.model.status import Condition, ExcludedStatus, Summary, Truth
from netvsc_deviceplugin.cli.doctor import command
from netvsc_deviceplugin.cli.doctor.finding import CheckVerdict, Finding
from netvsc_deviceplugin.cli.doctor.gather import node
from sim.doctor import MODULES, STATUS, NodeRoot

OK, UNKNOWN, WARNING, FAILURE = CheckVerdict


@pytest.fixture
def host(tmp_path: Path) -> NodeRoot:
    return NodeRoot(tmp_path)


def found(host: NodeRoot, name: str) -> Finding:
    return dict(command.examined(command.NODE, node(host.root)))[name]


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code = command.run(parser.parse_args(words))
    return code, capsys.readouterr().out


def test_on_a_node_where_all_is_well_every_check_says_so(
    host: NodeRoot, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = doctor(capsys, "--root", str(host.root))
    assert {line.split()[1] for line in text.splitlines()[1:]} == {"ok"}
    assert code == 0


def test_mana_nodes_are_well_too(tmp_path: Path) -> None:
    host = NodeRoot(tmp_path, fixture_name="f03")
    seen = found(host, "verbs-devices")
    assert (seen.verdict, "7870:00:00.0 mana" in seen.text) == (OK, True)


Break = Callable[[NodeRoot], object]


def chain(*plugins: str) -> Break:
    several = [{"type": name} for name in plugins]
    return lambda host: host.cni({"cniVersion": "1.0.0", "name": "a", "plugins": several})


def claimed(state: str) -> Break:
    claim = {"interface": "eth1", "owner": "dra.net", "state": state}
    return lambda host: host.agent(STATUS, foreign=[claim])


def unbound(host: NodeRoot) -> None:
    [first, *_] = (host.root / "sys/bus/vmbus/devices").iterdir()
    (first / "driver").unlink()


def handed_over(host: NodeRoot) -> None:
    [first, *_] = (host.root / "sys/bus/vmbus/devices").iterdir()
    host.sys.bind(first.resolve(), bus="vmbus", driver="uio_hv_generic")


def without_verbs(host: NodeRoot) -> None:
    [first, *_] = (host.root / "sys/bus/pci/devices").iterdir()
    host.sys.remove_verbs(first.name)


def condition(kind: str, status: Truth, reason: str) -> Break:
    one = Condition(
        type=kind,
        status=status,
        reason=reason,
        message="",
        last_transition_time="2026-01-02T03:04:05Z",
    )
    return lambda host: host.agent(replace(STATUS, conditions=(one,)))


def pairless(host: NodeRoot) -> None:
    why = ExcludedStatus(id="", interface="eth0", reason="DefaultRoute", message="")
    none = Summary(pairs=0, free=0, on_vf=0, revoked24h=0)
    host.agent(replace(STATUS, pairs=(), excluded=(why,), summary=none))


@pytest.mark.parametrize(
    ("check", "trouble", "verdict", "seen", "fix"),
    [
        ("kernel-version", lambda h: h.kernel("5.4.0-1103-azure"), FAILURE, "5.4.0", "5.15"),
        ("kernel-version", lambda h: h.kernel("5.14.21"), WARNING, "not tested", "5.15"),
        ("netns-panic", lambda h: h.kernel("6.6.57.1-2.azl3"), OK, "may be deleted", None),
        ("netns-panic", lambda h: h.kernel("6.6.82.1-1.azl3"), WARNING, "panics", "upgrade"),
        ("netns-panic", lambda h: h.kernel("6.8.0-1021-azure"), UNKNOWN, "33caa208dba6", None),
        ("tap-fallback", lambda h: h.modules(*MODULES[3:]), WARNING, "cls_flower", "af_packet"),
        ("tap-fallback", lambda h: h.remove("dev/net/tun"), WARNING, "/dev/net/tun", "modprobe"),
        ("vf-modules", lambda h: h.modules(*MODULES[:4]), FAILURE, "mlx5_ib", "node image"),
        ("vf-modules", lambda h: h.modules("mlx5_ib", "mlx5_core", "ib_uverbs"), WARNING,
         "no mana, mana_ib", "node image"),
        ("hugepages", lambda h: h.pages(0, kubelet=0), WARNING, "none", "nr_hugepages"),
        ("hugepages", lambda h: h.pages(8, kubelet=8, node=1), WARNING, "NUMA node 0", "node0/"),
        ("kubelet-hugepages", lambda h: h.pages(8, kubelet=0), FAILURE, "0 of 8 pages",
         "restart kubelet"),
        ("netvsc-bound", unbound, FAILURE, "no driver has", "hv_netvsc/bind"),
        ("netvsc-bound", handed_over, WARNING, "uio_hv_generic", "unbind"),
        ("verbs-devices", without_verbs, FAILURE, "no verbs device", "modprobe mlx5_ib"),
        ("verbs-devices", lambda h: h.remove("dev/infiniband/uverbs0"), FAILURE, "uverbs0",
         "udevadm"),
        ("verbs-devices", lambda h: h.remove("dev/infiniband/rdma_cm"), WARNING, "rdma_cm",
         "rdma_ucm"),
        ("nic-owner", claimed("listed"), WARNING, "eth1 (dra.net)", "foreignOwner"),
        ("nic-owner", claimed("allocated"), FAILURE, "eth1 (dra.net)", "one owner"),
        ("kubelet", lambda h: h.remove("var/lib/kubelet/device-plugins/kubelet.sock"), FAILURE,
         "device-plugins", "systemctl"),
        ("kubelet", lambda h: h.remove("var/lib/kubelet/pod-resources/kubelet.sock"), FAILURE,
         "pod-resources", "1.30"),
        ("cni-chain", lambda h: h.remove("etc/cni/net.d/10-azure.conflist"), FAILURE,
         "no network", "install"),
        ("cni-chain", lambda h: h.write("etc/cni/net.d/05-x.conf", "{}"), FAILURE, "05-x.conf",
         "Multus"),
        ("cni-chain", chain("cilium-cni"), WARNING, "does not name", "exclusive"),
        ("cni-chain", chain("netvsc-cni", "bandwidth"), WARNING, "behind", "restart"),
        ("cni-program", lambda h: h.remove("opt/cni/bin/netvsc-cni"), FAILURE, "not there",
         "--cni"),
        ("cni-program", lambda h: h.write("opt/cni/bin/netvsc-cni", "").chmod(0o644), FAILURE,
         "not executable", "chmod"),
        ("agent", condition("Ready", Truth.FALSE, "NotRegistered"), FAILURE, "NotRegistered",
         "agent-node.md"),
        ("agent", condition("Unmatched", Truth.TRUE, "NotFound"), WARNING, "NotFound",
         "agent-node.md"),
        ("agent", condition("Unmatched", Truth.FALSE, "AllFound"), OK, "pairs: 1", None),
        ("agent", pairless, WARNING, "eth0: DefaultRoute", "pairs.md"),
        ("agent", lambda h: h.write("run/netvsc/netvscnode.json", "{"), WARNING, "no agent",
         "DaemonSet"),
    ],
)  # fmt: skip
def test_one_thing_that_is_wrong_is_found_and_its_fix_named(  # noqa: PLR0913 (a table's columns)
    host: NodeRoot, *, check: str, trouble: Break, verdict: CheckVerdict, seen: str, fix: str | None
) -> None:
    trouble(host)
    said = found(host, check)
    assert said.verdict is verdict
    assert seen in said.text
    assert fix is None or (said.fix and fix in said.fix)


def test_an_agents_copy_that_makes_no_sense_is_left_where_it_is(host: NodeRoot) -> None:
    file = host.write("run/netvsc/netvscnode.json", "{")
    node(host.root)
    assert file.read_text() == "{"


def test_dranet_is_seen_before_any_controller_tells(host: NodeRoot) -> None:
    host.remove("run/netvsc/netvscnode.json")
    assert found(host, "nic-owner").verdict is UNKNOWN
    host.write("var/lib/kubelet/plugins/dra.net/dra.sock", "")
    assert "dra.net" in found(host, "nic-owner").text


def test_modules_that_no_list_names_are_looked_up_in_the_kernels_configuration(
    host: NodeRoot,
) -> None:
    host.kernel("6.1.0-like-a-container")  # no /lib/modules of that name
    assert found(host, "tap-fallback").verdict is UNKNOWN
    options = ["NET_SCH_MULTIQ=m", "NET_SCH_INGRESS=y", "NET_ACT_MIRRED=m", "TUN=y"]
    config = host.root / "proc/config.gz"
    config.write_bytes(gzip.compress("\n".join(f"CONFIG_{one}" for one in options).encode()))
    assert "no cls_flower in" in found(host, "tap-fallback").text
    options.append("NET_CLS_FLOWER=m")
    config.write_bytes(gzip.compress("\n".join(f"CONFIG_{one}" for one in options).encode()))
    assert "cls_flower loadable" in found(host, "tap-fallback").text


def test_a_loaded_module_is_there_whatever_the_lists_say(host: NodeRoot) -> None:
    host.write("proc/modules", "cls_flower 49152 0 - Live 0x0\n")
    assert "cls_flower loaded" in found(host, "tap-fallback").text


def test_a_module_built_but_not_installed_is_absent(host: NodeRoot) -> None:
    host.modules("sch_multiq", "sch_ingress", "act_mirred", builtin=("tun",))
    config = gzip.compress(b"CONFIG_NET_CLS_FLOWER=m\n")
    (host.root / "proc/config.gz").write_bytes(config)
    assert "linux-modules-extra" in str(found(host, "tap-fallback").fix)


def test_where_the_kubelet_sets_no_limit_nothing_is_claimed(host: NodeRoot) -> None:
    host.write("sys/fs/cgroup/kubepods.slice/hugetlb.2MB.max", "max\n")
    assert found(host, "kubelet-hugepages").verdict is UNKNOWN


def test_the_exit_code_is_that_of_the_worst(
    host: NodeRoot, capsys: pytest.CaptureFixture[str]
) -> None:
    host.remove("dev/net/tun")
    code, text = doctor(capsys, "--root", str(host.root))
    assert (code, "tap-fallback: modprobe tun" in text) == (1, True)
    host.pages(8, kubelet=0)
    assert doctor(capsys, "--root", str(host.root))[0] == 2


def test_json_has_the_same(host: NodeRoot, capsys: pytest.CaptureFixture[str]) -> None:
    _, text = doctor(capsys, "--root", str(host.root), "-o", "json")
    checks = json.loads(text)["checks"]
    assert [one["check"] for one in checks] == [check.name for check in command.NODE]
    assert {(one["verdict"], one["fix"]) for one in checks} == {("ok", None)}


def test_a_root_that_is_none_is_refused_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args(["--root", str(tmp_path)])) == 2
    assert "hostPath" in capsys.readouterr().err


def test_a_folder_that_we_may_not_read_is_unknown_and_not_empty(
    host: NodeRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = [host.root / "etc/cni/net.d", host.root / "var/lib/kubelet"]
    monkeypatch.setattr(os, "access", lambda path, _: path not in closed)
    assert {found(host, name).verdict for name in ("kubelet", "cni-chain")} == {UNKNOWN}


def test_whoever_is_not_root_is_told_what_that_means(
    host: NodeRoot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args(["--root", str(host.root)])) == 0
    assert "not root" in capsys.readouterr().err


def test_this_machine_is_examined_without_a_crash(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = doctor(capsys)
    assert code in {0, 1, 2}
    assert [line.split()[0] for line in text.splitlines()[1 : len(command.NODE) + 1]] == [
        check.name for check in command.NODE
    ]
