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
        ({"sources": {"a": -1}}, "sources.a is -1; must be 0 or more"),
        ({"sources": {"a": float("nan")}}, "sources.a is nan; must be a finite number"),
        ({"sources": {"a": float("inf")}}, "sources.a is inf; must be a finite number"),
        ({"sources": {"a": 1e308, "b": 1e308}}, "weights with a finite sum"),
        ({"optimizer": {"beta1": 1}}, "optimizer.beta1 is 1.0; must be 0 or more and less than 1"),
        ({"optimizer": {"beta2": 1.0}}, "optimizer.beta2 is 1.0; must be 0 or more and less than 1"),
        ({"optimizer": {"epsilon": ".nan"}}, "optimizer.epsilon is '.nan'; must be a finite number"),
        ({"optimizer": {"learning_rate": float("nan")}}, "optimizer.learning_rate is nan; must be a finite number"),
        ({"optimizer": {"learning_rate": 10**400}}, "must be a finite number"),
        ({"model": {"rope_base": 0}}, "model.rope_base is 0.0; must be more than 0"),
        ({"max_minutes": float("inf")}, "max_minutes is inf; must be a finite number"),
        ({"max_minutes": float("nan")}, "max_minutes is nan; must be a finite number"),
        ({"seed": 1 << 63}, "must be 0 or more and less than 2^63"),
        ({"seed": -1}, "seed is -1; must be 0 or more"),
        ({"device": "meta"}, "device is 'meta'; must be auto, cpu"),
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
    path.write_text("max_steps: 3\nseed: 2020-13-45\n")
    with pytest.raises(TrainerError, match="line 2 is not YAML: found what cannot be read as a date"):
        load_config(path)
    path.write_text("max_steps: 3\n")
    with pytest.raises(TrainerError, match="write it as key=value"):
        load_config(path, ["max_steps"])
    with pytest.raises(TrainerError, match="max_steps is a value, not a section"):
        load_config(path, ["max_steps.x=1"])
    with pytest.raises(TrainerError, match=r"--set seed=2020-13-45: .* is not a YAML value"):
        load_config(path, ["seed=2020-13-45"])


def test_a_setting_fills_a_section_that_the_file_leaves_empty(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model:\n")
    assert load_config(path, ["model.layers=2"]).model.layers == 2


def test_a_shipped_config_is_found_by_its_name_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = load_config(Path("train-small"))
    assert shipped.max_steps == 2800
    assert load_config(Path("recipes/train-small.yaml")) == shipped
    Path("train-small").write_text("max_steps: 3\n")
    assert load_config(Path("train-small")).max_steps == 3


@pytest.mark.parametrize("name", ["train-large", "elsewhere/train-small", "fineweb", "."])
def test_what_is_no_config_is_answered_with_the_shipped_names(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainerError, match="shipped config: train-demo, train-small"):
        load_config(Path(name))


def test_only_what_leaves_samples_and_model_alone_may_change() -> None:
    config = parse_config({"sources": {"a.b": 1}})
    recorded = flatten(config)
    assert unflatten(recorded) == config
    harmless = {"max_steps": 9, "max_minutes": 1, "log": {"every": 5}, "batch": {"micro_batch_size": 1}}
    assert differences(recorded, parse_config({"sources": {"a.b": 1}, **harmless})) == []
    changed = differences(recorded, parse_config({"seed": 1, "model": {"layers": 2}}))
    assert changed == ["model.layers was 6, now 2", "seed was 0, now 1", "sources was {'a.b': 1.0}, now {}"]
