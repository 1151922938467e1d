"""The agent's options for what it asks and what it writes for others."""

from __future__ import annotations

from pathlib import Path

import pytest

from netvsc_deviceplugin.__main__ import _parser, _settings, main
from netvsc_deviceplugin.agent import AgentSettings
from netvsc_deviceplugin.inventory.imds.client import ImdsEndpoint


def settings(*words: str) -> AgentSettings:
    return _settings(_parser().parse_args(words))


def test_azure_is_asked_where_it_always_answers_and_cdi_is_off() -> None:
    found = settings()
    assert found.imds == ImdsEndpoint(host="169.254.169.254", port=80)
    assert found.devinfo == Path("/var/run/k8s.cni.cncf.io/devinfo/dp")
    assert found.cdi is None


def test_each_of_them_may_be_elsewhere_or_off() -> None:
    found = settings("--imds", "http://127.0.0.1:8080", "--cdi", "/var/run/cdi", "--devinfo", "/d")
    assert found.imds == ImdsEndpoint(host="127.0.0.1", port=8080)
    assert (found.cdi, found.devinfo) == (Path("/var/run/cdi"), Path("/d"))
    off = settings("--imds", "off", "--cdi", "off")
    assert (off.imds, off.cdi) == (None, None)


def test_a_wrong_service_is_refused_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--imds", "https://example.org/x"])
    assert ended.value.code == 2
    assert "write http://169.254.169.254, or off" in capsys.readouterr().err
