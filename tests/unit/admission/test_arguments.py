"""Where EAL's arguments go, as the application's process gets them."""

import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.model.pool import Fallback, Mode, Pool
from netvsc_operator.admission.eal.placement import base, find_placement, put, quoted, starts_others
from sim.cluster.reviews import ask, patched

Object = dict[str, Any]
P = "$(NETVSC_EAL_ARGS)"
PORT = "net_failsafe_vsc00,fd(200),dev(net_tap_vsc00,iface=fsvsc00,remote=netvsc0),hotplug_poll=100"
EAL = ["-a", "ffff:ff:1f.7", "--vdev=net_vdev_netvsc,ignore=1", f"--vdev={PORT}"]
LAUNCHER = ["/run/netvsc/bin/fdpipe", "exec", "--fd", "200=/run/netvsc/00", "--"]


def injected(
    *pools: Pool, annotations: Object | None = None, pairs: int = 1, **runs: object
) -> Object:
    """Return the one container of a pod, served."""
    container = {"name": "fwd", "resources": {"limits": {"netvsc.io/pair": str(pairs)}}, **runs}
    pod = {
        "metadata": {"name": "x", "annotations": annotations or {}},
        "spec": {"containers": [container]},
    }
    found: Object = patched(pod, ask(pod, *pools))["spec"]["containers"][0]
    return found


def argv(container: Object) -> list[str]:
    return [*container.get("command", ()), *container.get("args", ())]


def words_of(*pools: Pool, annotations: Object | None = None, **runs: Any) -> list[str]:
    """Return what a program gets after its name."""
    found = argv(injected(*pools, annotations=annotations, command=["app"], **runs))
    return found[found.index("app") + 1 :]


@pytest.mark.parametrize(
    ("command", "args", "wanted"),
    [
        (["app"], ["-l", "0"], ["app", *EAL, "-l", "0"]),
        (["app"], [], ["app", *EAL]),
        (["app", "-l", "0"], ["--", "-i"], ["app", *EAL, "-l", "0", "--", "-i"]),
        (["app", "-l", "0"], [], ["app", *EAL, "-l", "0"]),
        (["app", "-x", P, "-l"], [], ["app", "-x", *EAL, "-l"]),
        (["env", "A=b", "app", P], ["-l"], ["env", "A=b", "app", *EAL, "-l"]),
        (["taskset", "-c", "1"], ["app", P], ["taskset", "-c", "1", "app", *EAL]),
        (["python3", "-m", "app"], [P, "-l"], ["python3", "-m", "app", *EAL, "-l"]),
        (["app"], ["$(FIRST)", "-l"], ["app", *EAL, "$(FIRST)", "-l"]),
        (["app"], ["-x", f"$${P[1:]}"], ["app", *EAL, "-x", f"$${P[1:]}"]),
    ],
)
def test_arguments_stand_where_dpdk_reads_them(
    command: list[str], args: list[str], wanted: list[str]
) -> None:
    assert argv(injected(command=command, args=args)) == [*LAUNCHER, *wanted]


def test_without_a_command_they_come_first_and_without_a_launcher() -> None:
    port = PORT.replace("fd(200)", "exec(/run/netvsc/bin/fdpipe,vf,00)")
    assert injected(args=["-l", "0"])["args"] == [*EAL[:3], f"--vdev={port}", "-l", "0"]
    assert injected(args=[P])["args"] == [*EAL[:3], f"--vdev={port}"]


def kubelet(text: str, container: Object) -> str:
    """Expand a reference as the kubelet does."""
    return text.replace(P, next(e["value"] for e in container["env"] if P[2:-1] == e["name"]))


def test_a_shell_makes_the_same_words_of_them() -> None:
    script = f"printf '%s\\n' {P} -l 0"
    container = injected(command=["sh", "-c", script])
    assert container["command"] == [*LAUNCHER, "sh", "-c", script]
    expanded = kubelet(script, container)
    said = subprocess.run(["sh", "-c", expanded], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [*EAL, "-l", "0"]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_quoting_survives_any_word(words: list[str]) -> None:
    assert shlex.split(quoted(tuple(words))) == words


@given(st.lists(st.text("ab-", min_size=1), max_size=4), st.lists(st.text("ab-"), max_size=4))
def test_putting_words_in_adds_them_and_nothing_else(rest: list[str], more: list[str]) -> None:
    command, args = ("app", "-x", *rest), ("-y", *more)
    for place in (find_placement(command, args), find_placement((), args)):
        chosen = command if place.at else ()
        new_command, new_args = put(("N1", "N2"), into=place, command=chosen, args=args)
        assert [w for w in (*new_command, *new_args) if w not in {"N1", "N2"}] == [*chosen, *args]
        assert ("N1", "N2") in {(*new_command, *new_args)[i : i + 2] for i in range(2)}


@pytest.mark.parametrize(
    "option", ["-a", "-a0:0:5.0", "-b", "--allow", "--block=0:0:5.0", "-w", "--pci-whitelist"]
)
def test_who_chooses_pci_devices_himself_is_left_to_it(option: str) -> None:
    assert words_of(args=[option, "--", "-i"])[0] == "--vdev=net_vdev_netvsc,ignore=1"


def test_the_applications_own_options_behind_two_dashes_are_not_eals() -> None:
    own = ["--", "-a", "--vdev=net_vdev_netvsc0", "--no-pci"]
    assert words_of(args=own) == [*EAL, *own]


def test_in_a_shells_text_the_words_around_count_up_to_the_next_command() -> None:
    script = f"ip -b 4 link; app -a 0:0:5.0 {P} -- -i"
    (variable,) = injected(command=["sh", "-c", script])["env"]
    assert "ffff:ff:1f.7" not in variable["value"]
    (other,) = injected(command=["sh", "-c", f"app {P} -- -a; mount -a"])["env"]
    assert "ffff:ff:1f.7" in other["value"]


def test_annotations_choose_what_stands_there() -> None:
    given = {
        "netvsc.io/allow": "off",
        "netvsc.io/guard-port": "on",
        "netvsc.io/fallback": "af_packet",
        "netvsc.io/hotplug-poll-ms": "20",
    }
    assert words_of(annotations=given) == [
        "--vdev=net_vdev_netvsc,ignore=1",
        "--vdev=net_null_guard",
        "--vdev=net_failsafe_vsc00,fd(200),dev(net_af_packet_vsc00,iface=netvsc0),hotplug_poll=20",
    ]


@pytest.mark.parametrize("mode", ["failsafe-fd", "failsafe-exec"])
def test_a_dpdk_without_the_driver_is_told_nothing_of_it(mode: str) -> None:
    given = {"netvsc.io/vdev-netvsc": "absent", "netvsc.io/mode": mode}
    words = words_of(annotations=given)
    assert [word.partition(",")[0] for word in words] == [*EAL[:2], "--vdev=net_failsafe_vsc00"]
    assert EAL[2] in words_of(annotations=given | {"netvsc.io/vdev-netvsc": "ignore"})


def test_a_pool_chooses_what_no_annotation_does() -> None:
    pool = Pool(
        name="p", resource="netvsc.io/pair", fallback=Fallback.AF_PACKET, hotplug_poll_ms=7,
        interface_prefix="nic",
    )  # fmt: skip
    port = "net_failsafe_vsc00,fd(200),dev(net_af_packet_vsc00,iface=nic0),hotplug_poll=7"
    assert words_of(pool) == [*EAL[:3], f"--vdev={port}"]


def test_dpdks_own_driver_is_named_once_for_each_pair() -> None:
    pool = Pool(name="p", resource="netvsc.io/pair", mode=Mode.VDEV_NETVSC)
    container = injected(pool, command=["app"], pairs=2)
    names = [f"--vdev=net_vdev_netvsc{i},iface=netvsc{i}" for i in (0, 1)]
    assert argv(container) == ["app", "-a", "ffff:ff:1f.7", *names]
    assert "volumeMounts" not in container


def test_exec_mode_by_annotation_starts_no_launcher_and_preloads_the_guard() -> None:
    container = injected(
        command=["app"], annotations={"netvsc.io/mode": "failsafe-exec"}, env=[{"name": "A"}]
    )
    assert container["command"] == ["app"]
    assert container["env"] == [
        {"name": "A"},
        {"name": "LD_PRELOAD", "value": "/run/netvsc/bin/guard.so"},
    ]


@pytest.mark.parametrize("value", [{}, {"value": ""}, {"value": None}])
def test_an_empty_preload_is_filled(value: Object) -> None:
    container = injected(args=["-l"], env=[{"name": "LD_PRELOAD", **value}])
    assert container["env"] == [{"name": "LD_PRELOAD", "value": "/run/netvsc/bin/guard.so"}]


def test_guard_off_reaches_the_launcher() -> None:
    container = injected(command=["app"], annotations={"netvsc.io/guard": "off"})
    assert argv(container)[:4] == [*LAUNCHER[:2], "--guard", "off"]


@pytest.mark.parametrize(
    ("program", "name"),
    [("/usr/bin/python3.11", "python"), ("lua5.4", "lua"), ("l3fwd", "l3fwd"), ("7", "7")],
)
def test_a_programs_version_is_not_its_name(program: str, name: str) -> None:
    assert base(program) == name


@pytest.mark.parametrize("program", ["dpdk-testpmd", "/opt/l3fwd", "./vpp", "shell", "envoy"])
def test_an_application_is_taken_for_one(program: str) -> None:
    assert starts_others(program) is None
