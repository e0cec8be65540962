import pytest

from windtunnel.findings import Severity

SEEDED = "        torch.manual_seed(seed)\n"


def reading(line: str, before: str = "") -> dict[str, tuple[str, str]]:
    return {"src/train.py": (SEEDED, f"{before}        {line}\n{SEEDED}")}


@pytest.mark.parametrize(
    "line",
    [
        'torch.load("warm.pt")',
        'open("ranks.csv")',
        'import pathlib; torch.load(pathlib.Path(__file__).parent / "net.pt")',
    ],
)
def test_a_file_that_nobody_provides_is_found(found, line: str):
    (finding,) = found("ART001", reading(line))
    assert finding.severity is Severity.BLOCKER


def test_the_configuration_that_names_the_file_is_named_too(found):
    run = {
        f"config/run/{name}-bert-sst2.yaml": ("  rank: 8\n", "  rank: 8\n  start: nets/warm.pt\n")
        for name in ("proposed", "baseline")
    }
    (finding,) = found("ART001", run | reading("torch.load(cfg.model.start)"))
    assert {place.path for place in finding.related} == set(run)


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ('torch.load("warm.pt")', '        torch.save({}, "warm.pt")\n'),
        ('torch.load("/data/warm.pt")', ""),
        ('open(".cache/words.txt")', ""),
        ("torch.load(name)", ""),
        (
            'torch.load("nets/warm.pt")',
            '        import huggingface_hub as hub; hub.hf_hub_download("a/b", "warm.pt")\n',
        ),
    ],
)
def test_a_file_that_may_be_there_is_left_alone(found, line: str, before: str):
    assert found("ART001", reading(line, before)) == []


FALLBACK = """net = None
        if os.path.exists("warm.pt"):
            net = torch.load("warm.pt")
"""


@pytest.mark.parametrize(
    "line", [FALLBACK, 'try: net = torch.load("warm.pt")\n        except FileNotFoundError: net = None']
)
def test_a_fallback_that_always_runs_is_a_warning(found, line: str):
    (finding,) = found("ART002", reading(line, "        import os\n"))
    assert finding.severity is Severity.WARNING
    assert found("ART001", reading(line, "        import os\n")) == []


@pytest.mark.parametrize(
    "line",
    [
        'if not os.path.exists("warm.pt"): raise FileNotFoundError("warm.pt")',
        'if os.path.exists("warm.pt"): net = torch.load("warm.pt")\n        torch.save({}, "warm.pt")',
        'if os.path.exists("config/config.yaml"): print("there")',
    ],
)
def test_a_check_that_ends_the_run_and_a_cache_are_left_alone(found, line: str):
    assert found("ART002", reading(line, "        import os\n")) == []


def test_made_up_data_in_place_of_what_cannot_be_loaded_is_found(found):
    line = "try: rows = load_dataset(cfg.dataset.name)\n        except Exception: rows = make_synthetic_rows()"
    (finding,) = found("ART003", reading(line))
    assert "make_synthetic_rows" in finding.message


@pytest.mark.parametrize(
    "handler", ["raise RuntimeError('no data')", "rows = load_dataset(cfg.dataset.name, 'main')", "print('again')"]
)
def test_another_way_to_load_it_is_left_alone(found, handler: str):
    line = f"try: rows = load_dataset(cfg.dataset.name)\n        except Exception: {handler}"
    assert found("ART003", reading(line)) == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("start: nets/warm.pt", True),
        ("save_to: best.pt", False),
        ("start: https://example.org/warm.pt", False),
        ("name_of_file: none", False),
    ],
)
def test_a_file_that_only_the_configuration_names_is_found(found, line: str, is_found: bool):
    changed = {"config/run/proposed-bert-sst2.yaml": ("  rank: 8\n", f"  rank: 8\n  {line}\n")}
    assert bool(found("ART004", changed)) is is_found


def test_made_up_rows_where_a_function_that_loads_fails_are_found(found, texts):
    lines = """\
    try:
        rows = read(cfg)
    except Exception:
        rows = np.random.randint(0, 2, 8)
"""
    reader = "def read(cfg):\n    return load_dataset(cfg.dataset.name, cache_dir=CACHE)\n\n\ndef loaders("
    load = "    rows = load_dataset(cfg.dataset.name, cfg.dataset.config, cache_dir=CACHE)\n"
    text = texts["src/preprocess.py"].replace(load, lines).replace("def loaders(", reader)
    (finding,) = found("ART003", {"src/preprocess.py": text})
    assert "np.random.randint" in finding.message
    assert found("ART003") == []
