"""config.toml and plan.toml: what is wrong is named, with what to do."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from agent.books.status import status
from agent.config import Config, TargetsConfig, load
from agent.errors import ConfigError, PathEscape, UsageError
from agent.plan import load as load_plan
from agent.plan import standard_for, targets_for
from agent.workspace import find


def config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path)


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert config(tmp_path, "") == Config()


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[targets]\nline = 3", "unknown key targets.line", "did you mean targets.lines?"),
        ("[target]\nlines = 3", "unknown key target", "did you mean targets?"),
        ("[loop]\nrefere = true", "unknown key loop.refere", "did you mean loop.referee?"),
        ("[targets]\nzzzz = 3", "unknown key targets.zzzz", "known keys here: lines, formulas, added"),
        ('[targets]\nlines = "many"', "targets.lines is 'many'", "type int"),
        ("[targets]\nlines = true", "targets.lines is True", "type int"),
        ("[targets]\nlines = -1", "targets.lines is -1", "not negative"),
        ("[model]\ntimeout = -1", "model.timeout is -1", "not negative"),
        ("[model]\ntimeout = nan", "model.timeout is nan", ""),
        ("[model]\nspec = 3", "model.spec is 3", "type str"),
        ('[loop]\nlayout = "wave"', 'loop.layout is "wave"', '"weave"'),
        ("[loop]\nconcurrency = 0", "loop.concurrency is 0", "at least 1"),
        ("[loop]\ntries = 0", "loop.tries is 0", "at least 1"),
        ("[retry]\nattempts = 0", "retry.attempts is 0", "at least 1"),
        ("[lab]\nseconds = 0", "lab.seconds is 0", "at least 1"),
        ("[lab]\nmemory_mb = 0", "lab.memory_mb is 0", "at least 1"),
        ("targets = 3", "targets is 3", ""),
        ("[targets\nlines = 3", "line 1", "mend the TOML"),
        ("[targets]\nlines = 3\nlines = 4", "Cannot overwrite a value", "mend the TOML"),
        ("[standard.shares]\ntheory = 'x'", "standard.shares.theory", "float"),
    ],
)
def test_what_is_wrong_with_a_config(tmp_path: Path, text: str, said: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, text)
    assert "config.toml" in str(caught.value)
    assert said in str(caught.value)
    assert hint in caught.value.hint


def test_a_config_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 2"):
        load(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_every_key_can_be_set_to_its_default(tmp_path: Path) -> None:
    """What the program says a default is, it also takes as a value."""

    def rows(table: object, name: str) -> list[str]:
        assert is_dataclass(table)
        made = [f"[{name}]"]
        for f in fields(table):
            value = getattr(table, f.name)
            if isinstance(value, bool):
                made.append(f"{f.name} = {str(value).lower()}")
            elif isinstance(value, int | float):
                made.append(f"{f.name} = {value}")
            elif isinstance(value, str):
                made.append(f'{f.name} = "{value}"')
        return made

    default = Config()
    text = "\n".join(row for f in fields(default) for row in rows(getattr(default, f.name), f.name))
    assert config(tmp_path, text) == default


def test_keys_never_stand_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown key model\.api_key"):
        config(tmp_path, '[model]\napi_key = "sk-1234567890"')


HEAD = '[[batch]]\nid = "9"\n[[batch.sub]]\nid = "9C"\n'


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ('[[batch]]\nid = "9"\n[[batch]]\nid = "9"\n', ConfigError, "the ID 9 stands twice"),
        (HEAD + '[[batch.sub]]\nid = "9C"\n', ConfigError, "the ID 9C stands twice"),
        ('[[batch]]\nid = "9"\n[[batch.sub]]\nid = "9"\n', ConfigError, "the ID 9 stands twice"),
        (HEAD + '[[batch.sub.item]]\nfile = "../x.md"\n', PathEscape, "../x.md"),
        (HEAD + '[[batch.sub.item]]\nfile = "/etc/passwd"\n', PathEscape, "/etc/passwd"),
        (HEAD + '[[batch.sub.item]]\nfile = "a/../../x.md"\n', PathEscape, "leaves"),
        (HEAD + "[[batch.sub.item]]\nfile = '..\\x.md'\n", PathEscape, "leaves"),
        (HEAD + '[[batch.sub.item]]\ntitle = "ohne"\n', ConfigError, "file is missing"),
        (
            HEAD + '[[batch.sub.item]]\nfile = "a.md"\nstatus = "done"\n',
            ConfigError,
            "unknown key batch.sub.item.status",
        ),
        (
            HEAD + '[[batch.sub.item]]\nfile = "a.md"\nfocus = [3]\n',
            ConfigError,
            "item 1: batch.sub.item.focus[1] is 3",
        ),
        (
            HEAD + '[[batch.sub.item]]\nfile = "a.md"\nfocus = "x"\n',
            ConfigError,
            "item 1: batch.sub.item.focus",
        ),
        (HEAD + 2 * '[[batch.sub.item]]\nfile = "a.md"\n', ConfigError, "9C names a.md twice"),
        (
            HEAD + 2 * '[[batch.sub]]\nid = "9D"\n[[batch.sub.item]]\ntitle = "x"\n',
            ConfigError,
            "batch 1: sub 2: item 1",
        ),
        (HEAD + '[[batch.sub.item]]\nfile = "a.md"\ntargets = {line = 3}\n', ConfigError, "targets.line"),
        ('[[batch]]\ntitle = "x"\n', ConfigError, "batch.id is missing"),
        ('[batch]\nid = "9"\n', ConfigError, "batch"),
        ("batch = 3\n", ConfigError, "batch"),
        ('[[batch]]\nid = "9"\nsub = "x"\n', ConfigError, "batch.sub must be a list"),
        ('[[batch]]\nid = "9"\nsub = ["x"]\n', ConfigError, "batch.sub"),
        ("[[batches]]\n", ConfigError, "unknown key batches"),
        ("[[batch\n", ConfigError, "line 1"),
    ],
)
def test_what_is_wrong_with_a_plan(tmp_path: Path, text: str, error: type[UsageError], said: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error) as caught:
        load_plan(path)
    assert "plan.toml" in str(caught.value)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (HEAD + '[[batch]]\ntitle = "x"\n', "batch 2: batch.id is missing", "add a line: id ="),
        ('[[batch]]\nid = "9"\nsubs = []\n', "unknown key batch.subs", "did you mean batch.sub?"),
        ('[[batch]]\nid = "9"\nzzz = 1\n', "unknown key batch.zzz", "id, title, targets, sub"),
        (HEAD + "zzz = 1\n", "unknown key batch.sub.zzz", "standard, item"),
    ],
)
def test_what_to_do_about_a_plan(tmp_path: Path, text: str, said: str, hint: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_plan(path)
    assert said in str(caught.value)
    assert hint in caught.value.hint


def test_a_folder_of_articles_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[paths]\narticles = "nowhere"\n', encoding="utf-8")
    (tmp_path / "plan.toml").write_text(HEAD + '[[batch.sub.item]]\nfile = "a.md"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="nowhere") as caught:
        status(find(tmp_path))
    assert "paths.articles" in caught.value.hint


def test_an_item_that_is_a_link_out_of_the_articles(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("geheim", encoding="utf-8")
    root = tmp_path / "ws"
    (root / "blogs_raw").mkdir(parents=True)
    (root / "config.toml").write_text("", encoding="utf-8")
    (root / "blogs_raw" / "a.md").symlink_to(tmp_path / "secret.md")
    (root / "plan.toml").write_text(HEAD + '[[batch.sub.item]]\nfile = "a.md"\n', encoding="utf-8")
    ws = find(root)
    with pytest.raises(PathEscape):
        ws.article(next(iter(ws.plan().places())))


@pytest.mark.parametrize("key", ["articles", "outputs", "prompts", "plan", "report"])
def test_folders_do_not_leave_the_workspace(tmp_path: Path, key: str) -> None:
    root = tmp_path / "ws"
    root.mkdir()
    (root / "config.toml").write_text(f'[paths]\n{key} = "../elsewhere"\n', encoding="utf-8")
    ws = find(root)
    with pytest.raises(PathEscape, match=r"\.\./elsewhere"):
        ws.plan() if key == "plan" else getattr(ws, key)


def test_targets_of_the_innermost_level_win_key_by_key(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        '[[batch]]\nid = "9"\ntargets = {lines = 2, added = true}\n'
        '[[batch.sub]]\nid = "9C"\ntargets = {lines = 3}\nstandard = {subsections = 7}\n'
        '[[batch.sub.item]]\nfile = "a.md"\ntargets = {formulas = 9}\n'
        '[[batch.sub.item]]\nfile = "b.md"\n',
        encoding="utf-8",
    )
    plan = load_plan(path)
    a, b = plan.places()
    config = TargetsConfig(1000, 40)
    assert (targets_for(a, config).lines, targets_for(a, config).formulas) == (3, 9)
    assert targets_for(a, config).added
    assert (targets_for(b, config).lines, targets_for(b, config).formulas) == (3, 40)
    assert (targets_for(None, config).lines, targets_for(None, config).added) == (1000, False)
    assert standard_for(a, Config().standard).subsections == 7
    assert standard_for(a, Config().standard).methods == Config().standard.methods
    assert [p.item.slug for p in plan.select("9")] == ["a", "b"]
    assert plan.select("8") == ()


def test_a_workspace_is_found_from_below_and_said_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find(deep).root == tmp_path
    with pytest.raises(ConfigError, match="no such folder"):
        find(tmp_path / "nowhere")
