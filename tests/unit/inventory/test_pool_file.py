"""A pool file: what is wrong in it is said with file, line, key and remedy."""

import re
from pathlib import Path

import pytest

from netvsc.errors import ConfigError
from netvsc.model.pool import Addresses, Fallback, ForeignOwner, Mode, Pool, Selector, Verbs
from netvsc_deviceplugin.inventory.pool_file import parse_pools, read_pools

EVERY_KEY = """
pools:
- name: fast
  resource: netvsc.io/fast_path
  nodeSelector: {agentpool: nf, node-role.kubernetes.io/nf: ""}
  priority: 10
  selector:
    macs: [00-0D-3A-C0-00-11]
    interfaces: ["eth*"]
    drivers: [mlx5_core]
    numaNodes: [0, 1]
    subnets: [10.0.1.0/24]
  requireVf: true
  force: true
  skipAddressed: true
  interfacePrefix: dpdk
  mode: failsafe-fd
  fallback: af_packet
  hotplugPollMs: 50
  devargsTemplate: "{pci},mac={mac}"
  unhealthyAfter: 5m
  verbs: pool
  allowSharedFunction: true
  foreignOwner: ignore
  addresses: azure
"""


def test_every_key_of_a_pool_is_read() -> None:
    assert parse_pools(EVERY_KEY) == (
        Pool(
            name="fast",
            resource="netvsc.io/fast_path",
            node_selector=(("agentpool", "nf"), ("node-role.kubernetes.io/nf", "")),
            priority=10,
            selector=Selector(
                macs=("00:0d:3a:c0:00:11",),
                interfaces=("eth*",),
                drivers=("mlx5_core",),
                numa_nodes=(0, 1),
                subnets=("10.0.1.0/24",),
            ),
            require_vf=True,
            force=True,
            skip_addressed=True,
            interface_prefix="dpdk",
            mode=Mode.FAILSAFE_FD,
            fallback=Fallback.AF_PACKET,
            hotplug_poll_ms=50,
            devargs_template="{pci},mac={mac}",
            unhealthy_after_s=300.0,
            verbs=Verbs.POOL,
            allow_shared_function=True,
            foreign_owner=ForeignOwner.IGNORE,
            addresses=Addresses.AZURE,
        ),
    )


def test_a_pool_needs_no_more_than_a_name() -> None:
    assert parse_pools("pools: [{name: pair}]") == (Pool(name="pair", resource="netvsc.io/pair"),)


@pytest.mark.parametrize(
    ("text", "line", "key", "remedy"),
    [
        ("pools:\n- name: a\n  selektor: {}\n", 3, "pools[0].selektor", "did you mean 'selector'"),
        ("pool: []\n", 1, "pool", "did you mean 'pools'"),
        ("pools:\n- name: a\n- name: a\n", 3, "pools[1].name", "give each pool its own"),
        (
            "pools:\n- {name: a, resource: netvsc.io/x}\n- {name: b, resource: netvsc.io/x}\n",
            3,
            "pools[1].resource",
            "give each pool its own",
        ),
        ("pools:\n- name: a\n  name: b\n", 3, "pools[0].name", "keep one"),
        (
            "pools:\n- name: a\n  selector:\n    macs:\n    - 00:0d:3a:c0:00:11\n    - 00:0d\n",
            6,
            "pools[0].selector.macs[1]",
            "write six octets",
        ),
        (
            "pools:\n- name: a\n  selector:\n    macs: [01:00:5e:00:00:01]\n",
            4,
            "pools[0].selector.macs[0]",
            "write that of the NetVSC",
        ),
        ("pools:\n- name: a\n  selector: {}\n", 3, "pools[0].selector", "leave `selector` out"),
        (
            "pools:\n- name: a\n  selector: {macs: []}\n",
            3,
            "pools[0].selector.macs",
            "leave the key out",
        ),
        (
            "pools:\n- name: a\n  interfacePrefix: thirteenchars\n",
            3,
            "pools[0].interfacePrefix",
            "write 1 to 12 bytes",
        ),
        (
            "pools:\n- name: a\n  selector: {interfaces: [sixteencharsiface]}\n",
            3,
            "pools[0].selector.interfaces[0]",
            "write 1 to 15 bytes",
        ),
        ("pools:\n- name: a\n  force: true\n", 3, "pools[0].force", "name them in selector"),
        ("pools:\n- name: A_b\n", 2, "pools[0].name", "lower-case"),
        ("pools:\n- name: a\n  resource: vendor/x\n", 3, "pools[0].resource", "netvsc.io/<name>"),
        ("pools:\n- name: a\n  hotplugPollMs: 0\n", 3, "pools[0].hotplugPollMs", "from 1 to 60000"),
        ("pools:\n- name: a\n  requireVf: 1\n", 3, "pools[0].requireVf", "true or false"),
        ("pools:\n- name: a\n  mode: fast\n", 3, "pools[0].mode", "auto, failsafe-fd"),
        ("pools:\n- name: a\n  unhealthyAfter: 5\n", 3, "pools[0].unhealthyAfter", "never, or"),
        (
            "pools:\n- name: a\n  devargsTemplate: '{pic}'\n",
            3,
            "pools[0].devargsTemplate",
            "known are {pci}",
        ),
        (
            "pools:\n- name: a\n  selector: {subnets: [10.0.1.4/24]}\n",
            3,
            "pools[0].selector.subnets[0]",
            "write 10.0.1.0/24",
        ),
        ("pools:\n- priority: 3\n", 2, "pools[0]", "add `name: pair`"),
        ("pools: []\n", 1, "pools", "at least one pool"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_line_and_remedy(
    text: str, line: int, key: str, remedy: str, tmp_path: Path
) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_pools(file)
    assert str(caught.value).startswith(f"{file}:{line}: {key}: ")
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    "text", ["pools: [", "", "a: &a [*a]", "pools: [!x y]", "- 1", "pools:\n\t- x", "\0"]
)
def test_what_is_no_pool_file_at_all_is_refused_with_a_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^\d+: "):
        parse_pools(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}/none.yaml: cannot be read")):
        read_pools(tmp_path / "none.yaml")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_pools(tmp_path / "binary")
