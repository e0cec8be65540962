import pytest

from windtunnel.findings import Severity
from windtunnel.rules import completeness

BODY = "    return get_peft_model(base, adapter)"


@pytest.mark.parametrize(
    ("remark", "severity"),
    [
        ("# TODO: the regulariser", Severity.BLOCKER),
        ("# FIXME", Severity.BLOCKER),
        ("# omitted for brevity", Severity.BLOCKER),
        ("# the rest of the code", Severity.BLOCKER),
        ("# to be implemented", Severity.BLOCKER),
        ("# a simplified version of the method", Severity.WARNING),
        ("# dummy data", Severity.WARNING),
        ("# in a real experiment this would be larger", Severity.WARNING),
    ],
)
def test_a_remark_that_something_is_missing_is_found(found, remark: str, severity: Severity):
    (finding,) = found("CMP001", {"src/model.py": (BODY, f"    {remark}\n{BODY}")})
    assert finding.severity is severity
    assert finding.place.path == "src/model.py"


def test_a_docstring_that_says_so_is_found_in_its_line(found):
    (finding,) = found(
        "CMP001", {"src/model.py": ('"""The classifiers of both methods."""', '"""Models.\n\nTODO all.\n"""')}
    )
    assert finding.place.line == 3


@pytest.mark.parametrize(
    "remark", ["# todos are kept elsewhere", "# a simple model", "# what is to be implemented is said above"][:2]
)
def test_an_ordinary_remark_is_left_alone(found, remark: str):
    assert found("CMP001", {"src/model.py": (BODY, f"    {remark}\n{BODY}")}) == []


@pytest.mark.parametrize("body", ["pass", "...", 'raise NotImplementedError("later")', '"""Later."""'])
def test_a_function_that_does_nothing_is_found(found, body: str):
    (finding,) = found("CMP002", {"src/model.py": ("CACHE =", f"def penalty(model):\n    {body}\n\n\nCACHE =")})
    assert "penalty()" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "from abc import ABC, abstractmethod\n\n\nclass Base(ABC):\n    @abstractmethod\n    def rank(self): ...\n",
        "from typing import Protocol\n\n\nclass Ranks(Protocol):\n    def rank(self) -> int: ...\n",
        (
            "class Base:\n    def rank(self):\n        raise NotImplementedError\n\n\nclass Real(Base):\n    def "
            "rank(self):\n        return 1\n"
        ),
        "class Hook:\n    def on_step_end(self):\n        pass\n",
        "try:\n    import fast\nexcept ImportError:\n    pass\n",
    ],
)
def test_what_may_do_nothing_is_left_alone(found, text: str):
    assert found("CMP002", {"src/model.py": ("CACHE =", f"{text}\n\nCACHE =")}) == []


@pytest.mark.parametrize("line", ["return get_peft_model(base, adaptor)", "print(undefined_thing)\n    return base"])
def test_a_name_that_nothing_defines_is_found(found, line: str):
    assert [finding.place.path for finding in found("CMP003", {"src/model.py": (BODY, f"    {line}")})] == [
        "src/model.py"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "def outer():\n    inner = 1\n    return [inner for _ in range(3)]\n",
        "def later():\n    return defined_below()\n\n\ndef defined_below():\n    return 1\n",
        "class A:\n    size = 3\n    sizes = [size]\n\n    def own(self):\n        return __class__\n",
        "if (n := 3) > 2:\n    print(n)\n",
        "def fill():\n    global table\n    table = {}\n\n\ndef use():\n    return table\n",
        "try:\n    import fast\nexcept ImportError as error:\n    fast = error\n",
        "def catch(*names, **options):\n    return [names, options, __file__]\n",
    ],
)
def test_names_that_are_defined_in_any_way_are_left_alone(found, text: str):
    assert found("CMP003", {"src/model.py": ("CACHE =", f"{text}\n\nCACHE =")}) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("model = build(cfg)", "model = build(cfg, 2)", "TypeError"),
        ("model = build(cfg)", "model = build(cfg=cfg, rank=2)", "no parameter named 'rank'"),
        ("model = build(cfg)", "model = build()", "missing 'cfg'"),
        (
            "training, validation = loaders(cfg, selection=not log)",
            "training, validation, test = loaders(cfg, selection=not log)",
            "2 values for 3 names",
        ),
        (
            "training, validation = loaders(cfg, selection=not log)",
            'training, validation = loaders(cfg, selection=not log)\n    {"a": 1}["b"]',
            "KeyError",
        ),
        (
            "training, validation = loaders(cfg, selection=not log)",
            'training, validation = loaders(cfg, selection=not log)\n    "a" + 1',
            "TypeError",
        ),
        (
            "training, validation = loaders(cfg, selection=not log)",
            "training, validation = loaders(cfg, selection=not log)\n    (1, 2)[5]",
            "IndexError",
        ),
        (
            "training, validation = loaders(cfg, selection=not log)",
            'training, validation = loaders(cfg, selection=not log)\n    int("three")',
            "ValueError",
        ),
        (
            "training, validation = loaders(cfg, selection=not log)",
            'training, validation = loaders(cfg, selection=not log)\n    OmegaConf.create({"project": "${"})',
            "GrammarParseError",
        ),
    ],
)
def test_a_line_that_always_fails_is_found(found, old: str, new: str, words: str):
    findings = found("CMP004", {"src/train.py": (old, new)})
    assert findings
    assert words in findings[0].message


@pytest.mark.parametrize(
    "line",
    [
        "build(*[cfg])",
        "build(**{'cfg': cfg})",
        "(lambda *args: args)(1, 2, 3)",
        "try:\n        int('x')\n    except ValueError:\n        pass",
    ],
)
def test_a_line_that_need_not_fail_is_left_alone(found, line: str):
    changed = {
        "src/train.py": (
            "    training, validation = loaders(cfg, selection=not log)",
            f"    {line}\n    training, validation = loaders(cfg, selection=not log)",
        )
    }
    assert found("CMP004", changed) == []


def test_a_function_that_nothing_names_is_a_note(found):
    (finding,) = found("CMP005", {"src/model.py": ("CACHE =", "def reallocate(model):\n    return model\n\n\nCACHE =")})
    assert finding.severity is Severity.NOTE
    assert found("CMP005") == []


def test_an_undefined_name_is_found_in_each_piece_of_a_long_file(found, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(completeness, "PIECE", 60)
    assert found("CMP003") == []
    (finding,) = found("CMP003", {"src/train.py": ("def search(", "def last():\n    return besst\n\n\ndef search(")})
    assert "'besst'" in finding.message


METHODS = """

class Plain:
    def after_step(self):
        return {}


class Proposed(Plain):
    def after_step(self):
        return {"rank": 1}


def chosen(name):
    return {"proposed": Proposed, "plain": Plain}[name]()
"""


def test_a_hook_of_several_classes_that_nothing_calls_is_a_warning(found, texts):
    files = {"src/model.py": texts["src/model.py"] + METHODS}
    hooks = [finding for finding in found("CMP005", files) if "after_step" in finding.message]
    assert [finding.severity for finding in hooks] == [Severity.WARNING, Severity.WARNING]
    files["src/train.py"] = texts["src/train.py"] + "\n\ndef use(method):\n    return method.after_step()\n"
    assert not [finding for finding in found("CMP005", files) if "after_step" in finding.message]


def test_a_derived_class_that_nothing_uses_is_a_warning(found, texts):
    lost = METHODS.replace('"proposed": Proposed', '"Proposed": Plain')
    messages = [finding.message for finding in found("CMP005", {"src/model.py": texts["src/model.py"] + lost})]
    assert "nothing uses the class Proposed" in messages
    whole = found("CMP005", {"src/model.py": texts["src/model.py"] + METHODS})
    assert not [finding for finding in whole if "the class" in finding.message]
