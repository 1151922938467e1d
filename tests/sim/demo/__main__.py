"""`make demo`: the real agent, sidecar and launcher on a simulated three-NIC host.

One pair is allocated and announced; its VF is revoked and returned three times, once at another
address and once behind a transient name. Ends with 1 if anything did not happen.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sim.agent import AgentFolder, AgentProcess
from sim.demo.screen import Screen
from sim.kernel import namespaces
from sim.kernel.host import Host
from sim.kubelet.kubelet import Kubelet
from sim.sidecar.fdpipe import Application, LogLine, Pod, Sidecar

RESOURCE, PAIR, NETVSC = "netvsc.io/pair", "00-0d-3a-c0-00-11", "eth1"
POLL_MS = 100
AWAY = 1.5  # seconds for which each VF stays away; on Azure it is about 30
METRICS = (
    f'netvsc_vf_revocations_total{{pair="{PAIR}"}}',
    f'netvsc_vf_returns_total{{pair="{PAIR}"}}',
    f'netvsc_synthetic_seconds_total{{pair="{PAIR}"}}',
    f'netvsc_pair_path{{pair="{PAIR}",path="VF"}}',
    'netvsc_pool_pairs{pool="pair",state="allocated"}',
)


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One revocation and return; `give` brings the VF back."""

    title: str
    line: str
    give: Callable[[Host], None]


MIGRATIONS = (
    Migration(
        title="host servicing: the VF goes and returns at its address",
        line="9b33:00:02.0",
        give=lambda host: host.give(NETVSC),
    ),
    Migration(
        title="live migration: it returns at another PCI address",
        line="9b33:00:03.0",
        give=lambda host: host.give(NETVSC, pci="9b33:00:03.0"),
    ),
    Migration(
        title="a boot-like return: behind the transient name eth3, renamed by udev",
        line="9b33:00:03.0",
        give=lambda host: host.give(NETVSC, transient="eth3"),
    ),
)


@dataclass
class Demo:
    """The actors on stage."""

    host: Host
    kubelet: Kubelet
    agent: AgentProcess
    pod: Pod
    screen: Screen
    emptied: list[float] = field(default_factory=list)
    offered: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)

    async def play(self) -> None:
        """Tell the whole story; raises AssertionError at the first thing that does not happen."""
        await self.discover()
        await self.allocate()
        sidecar, application = await self.launch()
        for number, migration in enumerate(MIGRATIONS, 1):
            self.screen.title(f"{number}. {migration.title}")
            await asyncio.to_thread(self.revoke, sidecar, application)
            await asyncio.sleep(AWAY)
            await asyncio.to_thread(self.give, sidecar, application, migration)
        await self.measure()

    async def discover(self) -> None:
        await self.kubelet.devices(RESOURCE, until=lambda devices: len(devices) == 2)
        self.screen.title("What this host has (netvsc pairs), as its agent tells the kubelet")
        command = [sys.executable, "-m", "netvsc.cli", "pairs", "--sim", str(self.host.sysfs)]
        shown = subprocess.run(  # noqa: ASYNC221 - nothing else has to go on meanwhile
            ["ip", "netns", "exec", self.host.netns, *command],
            capture_output=True,
            text=True,
            check=True,
        )
        self.screen.block(shown.stdout)

    async def allocate(self) -> None:
        answer = await self.kubelet.allocate(RESOURCE, PAIR)
        self.kubelet.admit("fwd-0", RESOURCE, PAIR)
        (pair,) = json.loads(answer.envs["NETVSC_PAIRS"])
        told = {key: pair[key] for key in ("id", "pci", "driver", "numa", "mtu", "addresses")}
        self.screen.title(f"A pod asks for {RESOURCE}: 1; its container is given")
        self.screen.block(f"NETVSC_PAIRS {json.dumps(told)}")
        self.screen.block("devices      " + " ".join(d.host_path for d in answer.devices))

    async def launch(self) -> tuple[Sidecar, Application]:
        self.screen.title("Its sidecar announces, its application takes")
        launched = await asyncio.to_thread(self._launch)
        sidecar, application = launched
        line = await asyncio.to_thread(sidecar.wait_log, "offered")
        self._show(line, "sidecar", f"offered      {line.detail}")
        taken = await asyncio.to_thread(application.wait_event, "plugged")
        self.screen.event(taken["at"], "application", f"plugged      {taken['line']}")
        return launched

    def _launch(self) -> tuple[Sidecar, Application]:
        sidecar = self.pod.sidecar(
            "--poll-ms", str(POLL_MS), "--gate", "immediate", pairs=(f"00={NETVSC}",)
        )
        self.screen.event(time.monotonic_ns(), "sidecar", "ready        the token is in the pipe")
        return sidecar, self.pod.application("--poll-ms", str(POLL_MS))

    def revoke(self, sidecar: Sidecar, application: Application) -> None:
        seen, read = len(sidecar.lines), len(application.lines)
        began = self.host.revoke(NETVSC)
        self.screen.event(began, "host", f"the VF of {NETVSC} is revoked", colour="red")
        lost = sidecar.wait_log("gone", since=seen)
        self.emptied.append(self._since(began, lost.at))
        self._show(lost, "sidecar", "pipe empty   nothing but the token", began=began)
        gone = application.wait_event("detached", since=read)
        took = f"{self._since(began, gone['at']) * 1e3:.1f} ms"
        self.screen.event(gone["at"], "application", "detached     on its fallback", took=took)

    def give(self, sidecar: Sidecar, application: Application, migration: Migration) -> None:
        seen, read = len(sidecar.lines), len(application.lines)
        migration.give(self.host)
        usable = self.host.usable_at
        self.screen.event(usable, "host", f"the VF is back at {migration.line}", colour="green")
        line = sidecar.wait_log("offered", since=seen, detail=migration.line)
        self.offered.append(self._since(usable, line.at))
        self._show(line, "sidecar", f"offered      {line.detail}", began=usable)
        taken = application.wait_event("plugged", since=read, line=migration.line)
        self.taken.append(self._since(line.at, taken["at"]))
        took = f"{self.taken[-1] * 1e3:.1f} ms after the offer"
        self.screen.event(taken["at"], "application", f"plugged      {taken['line']}", took=took)

    async def measure(self) -> None:
        self.screen.title("What the agent exports")
        times = len(MIGRATIONS)
        revoked, returned = METRICS[:2]
        await self.agent.until(lambda a: a.metric(revoked) == times, f"{times} revocations")
        await self.agent.until(lambda a: a.metric(returned) == times, f"{times} returns")
        for name in METRICS:
            value = await asyncio.to_thread(self.agent.metric, name)
            self.screen.block(f"{name} {value:g}")
        messages = len(self.kubelet.messages(RESOURCE))
        self.screen.block(f"messages to the kubelet since the start: {messages}")
        if messages != 1:
            raise AssertionError("a VF's absence must not be told to the kubelet")
        self.screen.title("Measured in this run (milliseconds)")
        for what, values in (
            ("VF gone → pipe empty", self.emptied),
            ("VF usable → line readable, 30 ms of settling included", self.offered),
            (f"line readable → taken, at a poll of {POLL_MS} ms", self.taken),
        ):
            numbers = ", ".join(f"{value * 1e3:.2f}" for value in values)
            self.screen.block(f"{what}: {numbers}")

    def _show(self, line: LogLine, who: str, what: str, *, began: int | None = None) -> None:
        took = f"{self._since(began, line.at) * 1e3:.2f} ms" if began else ""
        self.screen.event(line.at, who, what, took=took)

    @staticmethod
    def _since(began: int, at: int) -> float:
        return (at - began) / 1e9


async def show(screen: Screen) -> None:
    with AgentFolder() as folder, Host.from_fixture("f02") as host:
        async with Kubelet(folder) as kubelet, AgentProcess(host, folder) as agent:
            with Pod(host=host) as pod:
                await Demo(host=host, kubelet=kubelet, agent=agent, pod=pod, screen=screen).play()


def main() -> int:
    if not namespaces.inside():
        namespaces.enter([sys.executable, "-m", "sim.demo"])
    screen = Screen()
    screen.title("netvsc-operator: one pair through three revocations, on a simulated Azure host")
    began = time.monotonic()
    try:
        asyncio.run(show(screen))
    except AssertionError as error:
        screen.verdict(good=False, text=str(error))
        return 1
    lasted = time.monotonic() - began
    screen.verdict(
        good=True,
        text=f"the application had its VF back {len(MIGRATIONS)} times of {len(MIGRATIONS)}; "
        f"no stale address, no message to the kubelet ({lasted:.0f} s)",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
