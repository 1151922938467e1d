"""Pods as users write them, at random: for what must hold of every patch."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from netvsc.model.pool import BUILT_IN, Fallback, Mode, Pool
from netvsc_operator.admission.annotations import ANNOTATIONS, Annotation, OneOf

Object = dict[str, Any]
POOLS = {
    pool.resource: pool
    for pool in (
        BUILT_IN,
        Pool(name="mana", resource="netvsc.io/mana", interface_prefix="mana",
             fallback=Fallback.AF_PACKET, devargs_template="{pci},mac={mac}", hotplug_poll_ms=50),
        Pool(name="by-hand", resource="netvsc.io/by-hand", mode=Mode.NONE),
        Pool(name="driver", resource="netvsc.io/driver", mode=Mode.VDEV_NETVSC),
    )
}  # fmt: skip
PLACEHOLDER = "$(NETVSC_EAL_ARGS)"
_IMAGE = "registry.example/dpdk:24.11"

_options = st.lists(st.sampled_from(["-l", "--no-huge", "--file-prefix=x", "-n4"]), max_size=3)
_rest = st.sampled_from([[], ["--", "-i"], ["--", "-a", "it's"]])
_programs = st.sampled_from([["dpdk-testpmd"], ["/usr/bin/l3fwd", "-n4"]])


@st.composite
def _runs(draw: st.DrawFn) -> Object:
    """What a container runs, in every way that is served."""
    options, rest = draw(_options), draw(_rest)
    way = draw(st.sampled_from(["command", "args", "element", "text"]))
    if way == "command":
        return {"command": draw(_programs), **({"args": options + rest} if options else {})}
    if way == "args":
        return {"args": ["-n4", *options, *rest]}
    if way == "element":
        return {"command": ["tini", "--", "app"], "args": [PLACEHOLDER, *options, *rest]}
    return {"command": ["sh", "-c", f"exec app {PLACEHOLDER} -n4 -- -i"]}


def _amounts(cpu: list[str], memory: list[str]) -> st.SearchStrategy[Object]:
    return st.fixed_dictionaries(
        {}, optional={"cpu": st.sampled_from(cpu), "memory": st.sampled_from(memory)}
    )


@st.composite
def _resources(draw: st.DrawFn) -> Object:
    """Requests never above limits, as the apiserver wants it."""
    whole = st.just({"cpu": "2", "memory": "1Gi"})
    limits = draw(whole | _amounts(["1", "2", "1500m"], ["1Gi", "1024Mi"]))
    small = draw(_amounts(["250m", "1"], ["64Mi", "1Gi"]))
    requests = limits if draw(st.booleans()) else small
    return {"limits": dict(limits), "requests": dict(requests)}


_extras = st.fixed_dictionaries(
    {},
    optional={
        "env": st.sampled_from([[], [{"name": "LD_PRELOAD", "value": "/x.so"}],
                                [{"name": "A", "value": "b"}]]),
        "volumeMounts": st.just([{"name": "data", "mountPath": "/run"}]),
        "securityContext": st.sampled_from([
            {"capabilities": {"add": ["NET_ADMIN"]}}, {"privileged": True}, {"runAsUser": 1000}]),
    },
)  # fmt: skip


@st.composite
def _containers(draw: st.DrawFn, name: str, pairs: Object) -> Object:
    resources = draw(_resources())
    resources["limits"] |= pairs
    runs = draw(_runs()) if pairs else {}
    return {"name": name, "image": _IMAGE, **runs, "resources": resources, **draw(_extras)}


def _values(one: Annotation) -> list[str]:
    if isinstance(one.values, OneOf):
        return [word.value for word in one.values.kind]
    return [str(one.values.lowest), "10", "2000"]


_annotations = st.fixed_dictionaries(
    {},
    optional={
        "team": st.just("nf"),
        **{one.key: st.sampled_from(_values(one)) for one in ANNOTATIONS if one.field != "mode"},
    },
)
_plenty = {"cpu": "8", "memory": "8Gi"}
_pods_own = st.sampled_from(
    [None, None, None, {"limits": _plenty, "requests": _plenty}, {"limits": {"cpu": "8"}}]
)
_one_pool = st.sampled_from(["netvsc.io/pair", "netvsc.io/mana", "netvsc.io/by-hand",
                             "netvsc.io/driver"])  # fmt: skip
_asks = st.one_of(
    st.just({}),
    st.builds(lambda resource, n: {resource: str(n)}, _one_pool, st.integers(1, 2)),
    st.just({"netvsc.io/pair": "1", "netvsc.io/mana": "1"}),
)


@st.composite
def pods(draw: st.DrawFn) -> Object:
    """A pod that asks for at least one pair and can be served."""
    main = [
        draw(_containers(f"main{i}", pairs))
        for i, pairs in enumerate(draw(st.lists(_asks, min_size=1, max_size=2).filter(any)))
    ]
    early = [
        draw(_containers(f"side{i}", pairs)) | {"restartPolicy": "Always"}
        for i, pairs in enumerate(draw(st.lists(_asks, max_size=1)))
    ]
    if draw(st.booleans()):  # after the sidecars, so that the first container has its pairs next
        asked = main[0]["resources"]["limits"]
        pairs = {key: asked[key] for key in asked if key.startswith("netvsc.io/")}
        early.append(draw(_containers("init", pairs)))
    spec: Object = {"containers": main, "volumes": [{"name": "data", "emptyDir": {}}]}
    if early:
        spec["initContainers"] = early
    if resources := draw(_pods_own):
        spec["resources"] = resources
    if draw(st.booleans()):
        spec["imagePullSecrets"] = [{"name": "registry"}]
    metadata: Object = {"name": "generated"}
    if annotations := draw(_annotations):
        metadata["annotations"] = annotations
    if draw(st.booleans()):
        metadata["labels"] = {"app": "x"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
