"""docs/metrics.md, written from the three programs' registries: `python -m docs_check.metrics`.

Name, type, labels, their values and buckets are the registries'; the first sentence is the metric's
own help text. What a reader of dashboards must know beside it stands in `_NOTES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.monitoring import registries
from cluster.monitoring.dashboards import rules
from docs_check.blocks import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

PAGE = ROOT / "docs/metrics.md"
_HEAD = """\
# Metrics
Written by `python -m docs_check.metrics` (PYTHONPATH=tests) from what the programs export; a test
holds it against them. Times are seconds. Label `pair` is the pair's id, its NetVSC's MAC with
dashes; Prometheus' `instance` says which node's agent. What can be known before it happens starts
at 0.

Each program answers on one port: `/metrics` for Prometheus, `/healthz` and `/readyz` with the
reason in the body. The chart scrapes all three with `podMonitor.enabled`, brings the rules below
with `prometheusRule.enabled`, and three dashboards with `dashboards.enabled`.
"""
_AGENT = """\
`netvsc-deviceplugin`, one on each node, port 9470 (`--listen`). Healthy: a scan is younger than
three minutes. Ready: that, and registered with the kubelet for every pool."""
_CONTROLLER = """\
`netvsc-operator controller`, one replica, port 9471 (`--listen`). Healthy: its watches go on and
its workers work."""
_WEBHOOK = """\
`netvsc-operator webhook`, two replicas, port 9472 (`--metrics`). Ready: the pools were listed once
and a certificate is served that has not expired."""
_PROGRAMS = {
    "Agent": (registries.agent, _AGENT),
    "Controller": (registries.controller, _CONTROLLER),
    "Webhook": (registries.webhook, _WEBHOOK),
}
_NOTES = {
    "netvsc_pair_path": "`VF` or `Synthetic`.",
    "netvsc_pool_pairs": "`state` is `free` or `allocated`.",
    "netvsc_vf_revocations_total": "Counted from the kernel's messages, so that none is too short.",
    "netvsc_synthetic_seconds_total": "It runs during an outage.",
    "netvsc_netlink_overruns_total": "A full scan follows each.",
    "netvsc_scans_total": (
        "`link`, `address`, `route`, `uevent`, `policy`, `imds`, `overrun`, `retry`, `timer`."
    ),
    "netvsc_allocations_total": "`refused`: the request was wrong.",
    "netvsc_announcements_total": (
        "`taken`: read; `cancelled`: taken back unread; `failed`: read, and the port asked again "
        "while the VF was there. Not of applications that ask by `vf`."
    ),
    "netvsc_announce_seconds": (
        "`offered`: from a usable VF to its line, where the application had its pipe open before; "
        "`taken`: from the line to its reading."
    ),
    "netvsc_verbs_mismatch": (
        "The pair is not accelerated, and the device may be another pair's: delete the pod."
    ),
    "netvsc_path_receive_bytes_total": (
        "Over the VF: its hardware's counters where the driver has them, which include what DPDK "
        "received past the kernel. A VF that returns begins at 0."
    ),
    "netvsc_path_receive_packets_total": "Likewise.",
    "netvsc_path_transmit_bytes_total": "Likewise.",
    "netvsc_path_transmit_packets_total": "Likewise.",
    "netvsc_pairing_conflicts": "`netvsc pairs` says how.",
    "netvsc_reannouncements_total": (
        "`automatic` and `manual` are orders; they end `taken`, `gone` (nothing to take any more) "
        "or `escalated`."
    ),
    "netvsc_controller_failures_total": "Each is tried again.",
    "netvsc_certificate_expiry_timestamp_seconds": "Seconds since the epoch.",
    "netvsc_admission_reviews_total": (
        "`patched`, `unchanged` and `refused` are answers; `malformed`, `too_large`, `unready` and "
        "`failed` are HTTP errors ([webhook](webhook.md#when-it-fails))."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric as people query it; `labels` with the values that are known beforehand."""

    name: str
    kind: str
    help: str
    labels: dict[str, tuple[str, ...]]
    buckets: tuple[str, ...]


def families(registry: CollectorRegistry) -> list[Family]:
    named = _labels(registry)
    return [_family(found, named.get(found.name, ())) for found in registry.collect()]


def _labels(registry: CollectorRegistry) -> dict[str, tuple[str, ...]]:
    """Also of families without a series yet: prometheus_client keeps them to itself."""
    found: dict[str, tuple[str, ...]] = {}
    for collector in registry._collector_to_names:
        for one in (collector, *collector.collect()):
            name = str(getattr(one, "_name", None) or getattr(one, "name", ""))
            found[name] = tuple(getattr(one, "_labelnames", ()) or found.get(name, ()))
    return found


def _family(found: Any, labels: tuple[str, ...]) -> Family:
    samples = found.samples
    values = {
        label: tuple(dict.fromkeys(s.labels[label] for s in samples if s.labels.get(label)))
        for label in labels
        if label != "version"
    }
    bounds = dict.fromkeys(s.labels["le"] for s in samples if "le" in s.labels)
    suffix = "_total" if found.type == "counter" else ""
    return Family(
        name=f"{found.name}{suffix}",
        kind=found.type,
        help=found.documentation,
        labels={label: values.get(label, ()) for label in labels},
        buckets=tuple(bound for bound in bounds if bound != "+Inf"),
    )


def _row(family: Family) -> str:
    labels = ", ".join(family.labels) or "–"  # noqa: RUF001 - as the other tables have it
    told = [family.help, *([_NOTES[family.name]] if family.name in _NOTES else [])]
    told += [_values(family)] if family.name not in _NOTES else []
    if family.buckets:
        told.append(f"Buckets {family.buckets[0]} to {family.buckets[-1]}.")
    return f"| `{family.name}` | {family.kind} | {labels} | {' '.join(filter(None, told))} |"


def _values(family: Family) -> str:
    known = [f"`{value}`" for values in family.labels.values() for value in values]
    return f"{', '.join(known)}." if known else ""


def _program(title: str) -> Iterator[str]:
    registry, told = _PROGRAMS[title]
    yield f"\n## {title}\n{told}\n\n| metric | type | labels | what it tells |\n|---|---|---|---|"
    yield from (_row(family) for family in families(registry()))


def _rules() -> Iterator[str]:
    recorded = [rule for rule in rules() if "record" in rule]
    yield "\n## Recording rules\n| series | query |\n|---|---|"
    yield from (f"| `{one['record']}` | `{_cell(one['expr'])}` |" for one in recorded)
    yield "\n## Alerts\n| alert | severity | fires after | what it says |\n|---|---|---|---|"
    yield from (_alert(rule) for rule in rules() if "alert" in rule)


def _alert(rule: dict[str, Any]) -> str:
    page = f"runbooks/{rule['annotations']['runbook_url']}.md"
    told = rule["annotations"]["description"]
    severity, after = rule["labels"]["severity"], rule.get("for", "at once")
    return f"| [{rule['alert']}]({page}) | {severity} | {after} | {told} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def page() -> str:
    programs = [line for title in _PROGRAMS for line in _program(title)]
    return "\n".join([_HEAD.rstrip("\n"), *programs, *_rules()]) + "\n"


def stale_notes() -> set[str]:
    """Notes on metrics that nobody exports."""
    everything = [one for registry, _ in _PROGRAMS.values() for one in families(registry())]
    return _NOTES.keys() - {family.name for family in everything}


if __name__ == "__main__":
    PAGE.write_text(page())
