"""Every block of every page is proven by what stands after its fence; another word fails."""

import ast
import json
import subprocess
from pathlib import Path

import pytest

from cluster.monitoring.dashboards import rules, series
from cluster.monitoring.registries import everybody
from docs_check.blocks import PAGES, ROOT, Block, all_blocks, blocks
from docs_check.commands import commands, exchanges, typed
from docs_check.messages import unsaid
from docs_check.outputs import differs
from docs_check.programs import complaint
from docs_check.yamls import documents, objects, verdicts
from netvsc.errors import ConfigError
from netvsc_deviceplugin.inventory.pool_file import parse_pools, read_pools

SHELL = ("sh", "console")
KINDS = {
    *SHELL,
    *("yaml", "yaml refused", "yaml values", "json", "python", "promql"),
    "text",  # drawings, layouts, what a program shows that nothing decides beforehand
    "text message",  # what our programs say
    "text kubernetes",  # what Kubernetes says, as seen in tests/cluster/docs/test_docs.py
}


def named(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", all_blocks(*kinds), ids=lambda block: block.place)


def test_there_is_something_to_prove() -> None:
    assert len(PAGES) > 30
    assert len(all_blocks()) > 40


def test_every_block_says_what_it_is() -> None:
    assert [(block.place, block.kind) for block in all_blocks() if block.kind not in KINDS] == []


def test_no_fence_is_left_open_or_indented_out_of_sight() -> None:
    fences = {page: page.read_text().count("```") for page in PAGES}
    seen = {page: sum(2 + one.text.count("```") for one in blocks(page)) for page in PAGES}
    assert {page.name for page in PAGES if fences[page] != seen[page]} == set()


@named("sh")
def test_a_shell_takes_the_block(block: Block) -> None:
    told = {"input": block.text, "text": True, "capture_output": True}
    read = subprocess.run(["bash", "-n"], check=False, **told)
    assert read.stderr == ""


@named(*SHELL)
def test_every_command_could_be_typed_as_it_stands(block: Block) -> None:
    found = typed(block)
    assert found
    assert [wrong for words in found if (wrong := complaint(words))] == []


@named("console")
def test_what_is_shown_is_what_the_command_prints(block: Block) -> None:
    for asked, shown in exchanges(block):
        [words] = commands(asked)
        assert differs(words, shown) == ""


@named("yaml")
def test_yaml_is_what_its_reader_takes_it_for(block: Block) -> None:
    if any("pools" in document for document in documents(block.text)):
        assert parse_pools(block.text)
        return
    found = objects(block)
    assert found
    assert [verdict for verdict in verdicts(found) if verdict == "refused"] == []


@named("yaml refused")
def test_what_a_page_shows_as_refused_is_refused(block: Block) -> None:
    assert {*verdicts(objects(block))} == {"refused"}


@named("json")
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


@named("python")
def test_python_is_python(block: Block) -> None:
    assert ast.parse(block.text).body


@named("promql")
def test_a_query_asks_for_what_is_exported(block: Block) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = series(block.text)
    assert asked
    assert asked - everybody() - recorded == set()


def test_the_wrong_pool_file_is_refused_in_the_words_of_the_page(tmp_path: Path) -> None:
    right, wrong = (
        next(one for one in all_blocks(kind) if one.place.startswith("docs/pools.md"))
        for kind in ("yaml", "text")
    )
    file = tmp_path / "pools.yaml"
    file.write_text(right.text.replace("selector", "selektor", 1))
    with pytest.raises(ConfigError) as refused:
        read_pools(file)
    assert str(refused.value).removeprefix(f"{tmp_path}/") == wrong.text.strip()


@named("text message")
def test_a_quoted_message_is_one_that_we_say(block: Block) -> None:
    lines = block.text.splitlines()
    assert lines
    assert {line: missing for line in lines if (missing := unsaid(line))} == {}


def test_every_dashboard_and_picture_that_a_page_shows_is_there() -> None:
    drawn = {path.name for path in (ROOT / "docs/pictures").glob("*.svg")}
    shown = {name for page in PAGES for name in _pictures(page.read_text())}
    assert shown == drawn


def _pictures(text: str) -> list[str]:
    return [part.partition(")")[0].rpartition("/")[2] for part in text.split("![")[1:]]
