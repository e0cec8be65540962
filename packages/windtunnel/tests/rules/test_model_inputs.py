from __future__ import annotations

LENGTH = '        encoded["labels"] = batch["label"]\n'


def test_a_column_that_no_forward_takes_is_found(found, texts):
    length = f'{LENGTH}        encoded["length"] = [len(ids) for ids in encoded["input_ids"]]\n'
    findings = found("DAT030", {"src/preprocess.py": (LENGTH, length), "src/train.py": unpacked(texts)})
    assert {finding.place.path for finding in findings} == {"src/train.py"}
    assert all("'length'" in finding.message for finding in findings)


def unpacked(texts: dict[str, str]) -> str:
    moved = "model(**{key: value.to(device) for key, value in batch.items()})"
    return texts["src/train.py"].replace("model(**batch.to(device))", moved)


def test_the_columns_of_a_tokenizer_are_left_alone(found, texts):
    assert found("DAT030", {"src/train.py": unpacked(texts)}) == []
