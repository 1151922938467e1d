"""`netvsc explain`: read by people before they apply anything."""

import io
from pathlib import Path

import pytest

from netvsc import cli

POD = """
apiVersion: v1
kind: Pod
metadata: {name: fwd}
spec:
  containers:
  - name: fwd
    image: dpdk
    command: [dpdk-testpmd]
    args: ["-l", "0"]
    resources: {limits: {netvsc.io/pair: 1}}
"""
SPEC = """{containers: [{name: a, image: x, command: [app],
           resources: {limits: {netvsc.io/pair: 1}}}]}"""


def told(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str, *more: str
) -> tuple[int, str, str]:
    """Return the exit code, what was printed, and what was complained of."""
    file = folder / "manifests.yaml"
    file.write_text(text)
    code = cli.main(["explain", "-f", str(file), *more])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_pod_is_explained_with_reasons_warnings_and_a_diff(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, said, complained = told(capsys, tmp_path, POD, "--image", "mirror/fdpipe:7")
    assert (code, complained) == (0, "")
    lines = said.splitlines()
    assert lines[0] == "pod/fwd: injected"
    assert "  - container fwd: netvsc.io/pair (pool pair) is netvsc0" in lines
    assert any("mode failsafe-fd, since it has a command" in line for line in lines)
    assert any(line.startswith("  warning: container fwd: no hugepages") for line in lines)
    assert "+    - 200=/run/netvsc/00" in lines
    assert "+    image: mirror/fdpipe:7" in lines
    assert not any(line.startswith("-") and not line.startswith("---") for line in lines)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
def test_what_makes_pods_is_explained_by_its_template(
    kind: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = f"kind: {kind}\nmetadata: {{name: x}}\nspec: {{template: {{spec: {SPEC}}}}}"
    code, said, _ = told(capsys, tmp_path, text)
    assert code == 0
    assert said.startswith(f"{kind.lower()}/x: injected")


def test_a_dpdk_without_vdev_netvsc_is_explained(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wish = "{name: fwd, annotations: {netvsc.io/vdev-netvsc: absent}}"
    _, said, _ = told(capsys, tmp_path, POD.replace("{name: fwd}", wish))
    assert "  - container fwd: its DPDK has no net_vdev_netvsc, as netvsc.io/vdev-netvsc" in said
    assert "ignore=1" not in said
    code, said, _ = told(
        capsys, tmp_path, POD.replace("{name: fwd}", wish.replace("absent", "gone"))
    )
    assert code == 1
    assert "netvsc.io/vdev-netvsc is 'gone': write one of ignore, absent" in said


def test_a_cron_jobs_pods_lie_deeper(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    template = f"{{template: {{spec: {SPEC}}}}}"
    text = f"kind: CronJob\nmetadata: {{name: x}}\nspec: {{jobTemplate: {{spec: {template}}}}}"
    assert told(capsys, tmp_path, text)[1].startswith("cronjob/x: injected")


def test_several_documents_and_lists_are_opened_and_what_makes_no_pod_is_passed_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plain = "{kind: Pod, metadata: {generateName: p-}, spec: {containers: [{name: a}]}}"
    text = (
        f"---\n{POD}---\nkind: Service\n---\nkind: List\nitems: [{plain}, {{kind: Secret}}]\n---\n"
    )
    code, said, _ = told(capsys, tmp_path, text)
    assert code == 0
    assert "pod/p-: left alone\n  - no container asks for a pair" in said
    assert "service" not in said.lower()


def test_a_refusal_is_an_exit_code_and_the_others_are_explained_all_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = POD.replace("[dpdk-testpmd]", "[bash]").replace("{name: fwd}", "{name: bad}")
    code, said, _ = told(capsys, tmp_path, f"{text}---\n{POD}")
    assert code == 1
    assert "pod/bad: refused\n  - container fwd: bash is a shell" in said
    assert "pod/fwd: injected" in said


def test_pools_come_from_objects_and_from_pool_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "object.yaml").write_text(
        "kind: NetvscPool\nmetadata: {name: pair}\n"
        "spec: {interfacePrefix: nic, mode: failsafe-exec}"
    )
    (tmp_path / "file.yaml").write_text("pools: [{name: other}]")
    pools = ("--pool", str(tmp_path / "object.yaml"), "--pool", str(tmp_path / "file.yaml"))
    _, said, _ = told(capsys, tmp_path, POD, *pools)
    assert "is nic0" in said
    assert "mode failsafe-exec, as its pool says" in said
    assert "the guard comes by LD_PRELOAD" in said


def test_equal_things_by_an_anchor_are_changed_one_by_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mount = "volumeMounts: &m [{name: d, mountPath: /d}]"
    text = POD + f"    {mount}\n  - {{name: log, image: x, volumeMounts: *m}}\n"
    _, said, _ = told(capsys, tmp_path, text)
    assert said.count("readOnly: true") == 1
    assert "&id" not in said


def test_standard_input_is_a_file_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(POD))
    assert cli.main(["explain", "-f", "-"]) == 0
    assert capsys.readouterr().out.startswith("pod/fwd: injected")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "no YAML"),
        ("", "no pod in it: give a Pod, or what makes pods, such as a Deployment"),
        ("kind: Service", "no pod in it"),
        ("- a", "a document is list, not an object"),
        ("kind: Pod", "pod/(no name): has no spec: add the pod's containers there"),
        ("kind: Job\nmetadata: {name: x}\nspec: {}", "job/x: has no spec.template"),
        ("kind: Job\nmetadata: {name: x}\nspec: {template: {}}", "has no spec.template.spec"),
        ("&a [*a]", "an anchor contains itself"),
        ("kind: !!int x", "a value is not what its tag says"),
    ],
)
def test_what_is_no_manifest_is_told_so(
    text: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, said, complained = told(capsys, tmp_path, text)
    assert (code, said) == (2, "")
    assert complained.startswith("netvsc explain: ")
    assert says in complained


@pytest.mark.parametrize(
    ("pools", "says"),
    [
        ("pools: [{name: a, selektor: 7}]", "did you mean 'selector'?"),
        ("kind: NetvscPool\nmetadata: {name: a}\nspec: {mode: x}", "spec.mode: is 'x'"),
        ("kind: Pod", "no pool in it"),
        ("pools: [{name: a}, {name: b, resource: netvsc.io/a}]", "give each pool its own"),
    ],
)
def test_a_bad_pool_is_told_with_its_file(
    pools: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(pools)
    code, _, complained = told(capsys, tmp_path, POD, "--pool", str(file))
    assert code == 2
    assert f"{file}: " in complained
    assert says in complained


def test_two_files_cannot_both_have_a_resource(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("pools: [{name: a}]")
    code, _, complained = told(capsys, tmp_path, POD, *("--pool", str(file)) * 2)
    assert code == 2
    assert "netvsc.io/a is pool a's already" in complained


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "-f", "/nowhere.yaml"]) == 2
    assert "/nowhere.yaml: cannot be read: No such file" in capsys.readouterr().err


def test_the_command_lists_its_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "pairs" in said
    assert "explain" in said


@pytest.mark.parametrize(
    ("mode", "verdict", "reason"),
    [
        ("none", "changed", "its pairs get names, and the rest is its own business"),
        ("vdev-netvsc", "changed", "DPDK's own driver looks for the VF"),
        ("failsafe-exec", "injected", "as the annotation netvsc.io/mode says"),
    ],
)
def test_every_mode_says_what_it_does(
    mode: str, verdict: str, reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = POD.replace("{name: fwd}", f"{{name: fwd, annotations: {{netvsc.io/mode: {mode}}}}}")
    _, said, _ = told(capsys, tmp_path, text)
    assert said.startswith(f"pod/fwd: {verdict}\n")
    assert reason in said


def test_a_wish_of_one_mode_in_a_pod_of_two_is_told_where_it_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("pools: [{name: pair}, {name: driver, mode: vdev-netvsc}]")
    text = POD.replace("{name: fwd}", "{name: fwd, annotations: {netvsc.io/fallback: tap}}")
    limits = "resources: {limits: {netvsc.io/driver: 1}}"
    text += f"  - {{name: other, image: x, command: [app], {limits}}}\n"
    _, said, _ = told(capsys, tmp_path, text, "--pool", str(file))
    warning = "container other: annotation netvsc.io/fallback has no effect in mode vdev-netvsc"
    assert said.count("has no effect") == 1
    assert warning in said
