"""Configs: what is written wrongly is refused with the key and the mend."""

from pathlib import Path

import pytest

from trainer.config import TrainConfig, differences, flatten, load_config, parse_config, unflatten
from trainer.errors import TrainerError


def test_settings_override_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model: {layers: 3}\noptimizer:\n  learning_rate: 1e-3\nmax_minutes: 2\n")
    config = load_config(path, ["model.width=64", "batch.micro_batch_size=2", "sources={a: 1, b: 2.5}"])
    assert config.model.layers == 3
    assert config.model.width == 64
    assert config.optimizer.learning_rate == 0.001
    assert config.max_minutes == 2.0
    assert config.sources == {"a": 1.0, "b": 2.5}
    path.write_text("")
    assert load_config(path) == TrainConfig()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"max_step": 3}, "unknown key max_step; did you mean max_steps?"),
        ({"optimizer": {"learning_rat": 1}}, "did you mean optimizer.learning_rate?"),
        ({"learning_rate": 1}, "did you mean optimizer.learning_rate?"),
        ({"max_steps": "many"}, "max_steps is 'many'; must be a whole number"),
        ({"max_steps": True}, "max_steps is True; must be a whole number"),
        ({"max_steps": 0}, "max_steps is 0; must be at least 1"),
        ({"compile": 1}, "compile is 1; must be true or false"),
        ({"precision": "fp16"}, "must be one of auto, fp32, bf16"),
        ({"model": 3}, "model must be keys with values"),
        ({"model": {"width": 100, "heads": 8}}, "model.width is 100; must be a multiple of"),
        ({"model": {"heads": 4, "key_value_heads": 3}}, "must be a divisor of model.heads (4)"),
        ({"optimizer": {"weight_decay": -1}}, "must be 0 or more"),
        ({"sources": {"a": -1}}, "weights of 0 or more"),
        ([1], "the config must be keys with values"),
    ],
)
def test_what_is_wrong_is_named(content: object, words: str) -> None:
    with pytest.raises(TrainerError) as caught:
        parse_config(content, "file.yaml")
    assert str(caught.value).startswith("file.yaml: ")
    assert words in str(caught.value)


def test_bad_yaml_and_bad_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model: {layers: 3\n")
    with pytest.raises(TrainerError, match="not YAML"):
        load_config(path)
    path.write_text("max_steps: 3\n")
    with pytest.raises(TrainerError, match="write it as key=value"):
        load_config(path, ["max_steps"])
    with pytest.raises(TrainerError, match="max_steps is a value, not a section"):
        load_config(path, ["max_steps.x=1"])


def test_only_what_leaves_samples_and_model_alone_may_change() -> None:
    config = parse_config({"sources": {"a.b": 1}})
    recorded = flatten(config)
    assert unflatten(recorded) == config
    harmless = {"max_steps": 9, "max_minutes": 1, "log": {"every": 5}, "batch": {"micro_batch_size": 1}}
    assert differences(recorded, parse_config({"sources": {"a.b": 1}, **harmless})) == []
    changed = differences(recorded, parse_config({"seed": 1, "model": {"layers": 2}}))
    assert changed == ["model.layers was 6, now 2", "seed was 0, now 1", "sources was {'a.b': 1.0}, now {}"]
