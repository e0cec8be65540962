"""The README's own lines, run in their order in one folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def base() -> Any:
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return BertForSequenceClassification(BertConfig(vocab_size=40, num_labels=2, **shape))


def names(folder: Path) -> dict[str, Any]:
    """What a reader's own script has defined before the lines of the README."""
    ids = torch.randint(2, 40, (16, 5), generator=torch.Generator().manual_seed(0))
    rows = [{"input_ids": row, "labels": int(row[0] > 20)} for row in ids]
    quiet: dict[str, Any] = {"report_to": [], "save_strategy": "no", "use_cpu": True, "disable_tqdm": True}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return {
        "Trainer": Trainer,
        "args": TrainingArguments(output_dir=str(folder), max_steps=3, **quiet),
        "data": rows,
        "loader": [{"input_ids": ids[:4], "labels": torch.tensor([0, 1, 0, 1])}] * 3,
        "scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0),
        "torch": torch,
        "get_peft_model": get_peft_model,
        "LoraConfig": LoraConfig,
    }


@pytest.mark.filterwarnings("ignore:Training ended after 3 of 1000 steps")
def test_the_lines_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = [block for block in BLOCKS if "(...)" not in block]
    assert len(whole) >= 4
    known = names(tmp_path)
    for block in whole:
        known["base"] = base()
        exec(compile(block, "README.md", "exec"), known)  # noqa: S102 - our own file
    assert (tmp_path / "ranks.json").is_file()
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    assert (tmp_path / "ranks.png").is_file()
    assert (tmp_path / "adapter-uniform" / "adapter_config.json").is_file()
