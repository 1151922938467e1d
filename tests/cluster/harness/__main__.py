"""`python -m cluster.harness …`: a cluster for a person."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from cluster.harness import (
    Cluster,
    ClusterError,
    build,
    namespaces,
    packages,
    pin,
    project,
    recipes,
)
from cluster.harness.layout import DEFAULT_RELEASE


def main() -> int:
    asked = _parser().parse_args()
    try:
        return _do(asked)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1


def _do(asked: argparse.Namespace) -> int:
    cluster = Cluster(name=asked.name, release=asked.release)
    match asked.verb:
        case "build":
            build.everything(cluster.layout)
        case "up":
            cluster.up(kept=True)
            _welcome(cluster)
        case "down":
            cluster.down()
        case "restart":
            cluster.node.restart(asked.component)
        case "logs":
            print(cluster.logs(asked.component, lines=asked.lines))
        case "pin":
            pin.kubernetes(asked.version)
        case "versions":
            print("\n".join(f"{name}: {pinned}" for name, pinned in recipes.versions().items()))
        case "packages":
            print(" ".join(packages.PACKAGES))
        case "images":
            _build_images(cluster, registry=asked.registry, tag=asked.tag)
        case _:
            _become(cluster, asked.verb, asked.rest)
    return 0


def _become(cluster: Cluster, program: str, arguments: list[str]) -> NoReturn:
    """This process turns into the program, which so has the terminal to itself."""
    argv = {
        "kubectl": [str(cluster.layout.kubernetes / "kubectl"), *arguments],
        "helm": [str(cluster.layout.tools / "helm"), *arguments],
        "enter": namespaces.entered(cluster.node.pid, arguments or ["bash"]),
    }[program]
    environment = namespaces.environment(KUBECONFIG=str(cluster.layout.kubeconfig))
    os.execvpe(argv[0], argv, environment)  # noqa: S606


def _build_images(cluster: Cluster, *, registry: str, tag: str) -> None:
    """For a registry of one's own: archives, what they are known by, and how they get there."""
    project.forget_base(cluster.layout)
    for target, name in (("agent", "netvsc-operator"), ("fdpipe", "fdpipe")):
        full = f"{registry}/{name}:{tag}"
        project.image(cluster.layout, target, full)
        packed = project.archive(cluster.layout, target)
        print(f"# {name} {project.identity(packed)}")
        print(f"skopeo copy docker-archive:{packed} docker://{full}")


def _welcome(cluster: Cluster) -> None:
    me = "python -m cluster.harness"
    print(cluster.kubectl("get", "nodes", "-o", "wide"))
    print(f"export KUBECONFIG={cluster.layout.kubeconfig}")
    print(f"{me} kubectl|helm …    {me} enter [command …]    {me} down")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cluster.harness", description=__doc__)
    parser.add_argument("--name", default="main", help="several may run side by side")
    parser.add_argument("--release", default=DEFAULT_RELEASE, help="Kubernetes release to run")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("build", help="what up would build, and no more")
    verbs.add_parser("up", help="build what is missing, start, and stay up")
    verbs.add_parser("down", help="leave no trace")
    verbs.add_parser("restart", help="one component").add_argument("component")
    logs = verbs.add_parser("logs", help="a component's last lines")
    logs.add_argument("component")
    logs.add_argument("--lines", type=int, default=40)
    images = verbs.add_parser("images", help="the project's own, as archives to push")
    images.add_argument("registry", help="such as example.azurecr.io")
    images.add_argument("tag")
    for program in ("kubectl", "helm"):
        words = verbs.add_parser(program, help=f"{program} against it", add_help=False)
        words.add_argument("rest", nargs=argparse.REMAINDER)
    enter = verbs.add_parser("enter", help="a command (or a shell) inside the node")
    enter.add_argument("rest", nargs=argparse.REMAINDER)
    pins = verbs.add_parser("pin", help="write the go.mod of another Kubernetes version")
    pins.add_argument("version", help="such as v1.36.3")
    verbs.add_parser("versions", help="what is pinned")
    verbs.add_parser("packages", help="Debian packages the machine must have")
    return parser


if __name__ == "__main__":
    sys.exit(main())
