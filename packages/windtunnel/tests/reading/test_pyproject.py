from windtunnel.reading import Unreadable, pyproject

TEXT = """\
[build-system]
requires = ["hatchling"]

[project]
name = "x"
dependencies = [
    "torch>=2.0",
    "peft",
]

[tool."a.b".c]
d = 1
"""


def test_tables_keys_and_items_have_their_lines():
    read = pyproject.read(TEXT)
    assert read.get("project", "name") == "x"
    assert read.get("project", "nothing", "more") is None
    assert read.place("project").line == 4
    assert read.place("project", "dependencies").line == 6
    assert read.place_of_item("peft", "project", "dependencies").line == 8
    assert read.place("tool", "a.b", "c", "d").line == 12
    assert read.quote(read.place("project", "name")) == 'name = "x"'


def test_a_mistake_is_told_with_its_line():
    found = pyproject.read("[project]\nname = \n")
    assert isinstance(found, Unreadable)
    assert found.line == 2
    assert "not TOML" in found.message


def test_text_that_is_no_text_is_refused():
    assert pyproject.read(None).kind == "encoding"
