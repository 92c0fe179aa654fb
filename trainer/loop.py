"""Training with torch: next-token loss, AdamW, the same samples and the same steps however it is run.

A step takes the next `global_batch_size` samples of the order (trainer/order.py), goes through them in
micro-batches, weights every micro-batch by its tokens, clips the gradient of the whole batch once and
updates. Everything that the next step depends on is in the checkpoint, so a run that is interrupted and
resumed equals the uninterrupted one bit for bit on the CPU (same thread count, same micro-batches).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from shards.reader import Shard, ShardSet
from trainer.checkpoint import (
    CheckpointState,
    checkpoints,
    read_state,
    remove_unfinished,
    require_same_data,
    restore_model,
    restore_optimizer,
    write_checkpoint,
)
from trainer.config import OptimizerSettings, TrainConfig, differences, flatten
from trainer.data import open_shards
from trainer.errors import StopNoticed, Stopped, TrainerError, TrainingFailed
from trainer.evaluate import evaluate
from trainer.loader import load_known_windows
from trainer.lock import sole_training
from trainer.log import LOG_NAME, TrainingLog, read_log
from trainer.model import Transformer
from trainer.order import SampleOrder
from trainer.precision import autocast, choose_device, choose_precision
from trainer.progress import Progress
from trainer.schedule import fit_to_time, learning_rate
from trainer.signals import StopRequest
from trainer.text import find_tokenizer

#: How often the plan is held against the time that is left; the first steps are slower and count apart.
_STEPS_BETWEEN_PLANS = 25


@dataclass
class _Position:
    """Where training stands: steps and samples done, seconds spent over all resumes, steps planned."""

    step: int
    samples: int
    seconds: float
    planned_steps: int


class TorchTrainer:
    """The built-in trainer (trainer.protocol.Trainer)."""

    def fit(self, shards: Path, config: TrainConfig, out: Path, *, tokenizer: Path | None = None) -> Path:
        """Train on the shard set in `shards`, or go on where `out` stopped; returns the last checkpoint.

        Raises TrainerError where config, shards and checkpoint do not fit together, Stopped after SIGTERM
        or SIGINT (the last whole step has a checkpoint), TrainingFailed when training gives what is not a number.
        """
        shard_set = open_shards(shards)
        reader = find_tokenizer(shards, tokenizer, shard_set.index.tokenizer_sha256)
        with sole_training(out), StopRequest() as stop:
            return _Run(shard_set, config, out, reader).train(stop)


class _Run:
    """One process's part of a training: from the start or the last checkpoint to the end or a stop."""

    def __init__(self, shards: ShardSet, config: TrainConfig, out: Path, tokenizer: Path | None) -> None:
        self.config = config
        self.shards = shards
        self.out = out
        self.tokenizer = tokenizer
        self.device = choose_device(config.device)
        self.precision = choose_precision(config.precision, self.device)
        self.order = SampleOrder.of(shards, config)
        self.validation: tuple[Shard, ...] = shards.of_split("val") if "val" in shards.index.splits() else ()
        self.model = Transformer(config.model, shards.index.vocabulary_size)
        self.position = _Position(0, 0, 0.0, config.max_steps)
        self.saved_step = 0
        found = self._find_start()
        self.checkpoint = found[0] if found else None
        self.model.to(self.device)
        self.optimizer = make_optimizer(self.model, config.optimizer)
        if found:
            restore_optimizer(*found, self.model, self.optimizer)
        self._loss = torch.compile(self.model.loss) if config.compile else self.model.loss

    def _find_start(self) -> tuple[Path, CheckpointState] | None:
        """Restore the model and the position from the newest checkpoint of this same training."""
        found = checkpoints(self.out)
        if not found:
            torch.manual_seed(self.config.seed)
            self.model.initialise(self.config.seed)
            return None
        checkpoint = found[-1]
        state = read_state(checkpoint)
        changed = differences(state.config, self.config)
        if changed:
            raise TrainerError(
                f"{checkpoint}: trained with another config ({'; '.join(changed)}); restore it or choose another --out"
            )
        require_same_data(checkpoint, state, self.shards.index, self.shards.folder)
        restore_model(checkpoint, state, self.model)
        limits = ("max_steps", "max_minutes")
        same_limits = all(state.config.get(key) == getattr(self.config, key) for key in limits)
        planned = state.planned_steps if same_limits else self.config.max_steps
        self.position = _Position(state.step, state.samples, state.seconds, planned)
        self.saved_step = state.step
        return checkpoint, state

    def train(self, stop: StopRequest) -> Path:
        position = self.position
        done_tokens = position.samples * self.config.sequence_length
        progress = Progress(self._opening(), done_tokens, position.seconds)
        records = read_log(self.out / LOG_NAME) if self.checkpoint else []
        kept = [record for record in records if record["step"] <= position.step]
        validated = any("validation_loss" in record for record in kept if record["step"] == position.step)
        catch_up = self._validates(self._finished()) and not validated
        if self.checkpoint and self._finished() and not catch_up:
            progress.say(f"already trained: {self.checkpoint}")
            return self.checkpoint
        remove_unfinished(self.out)
        with TrainingLog(self.out, kept) as log, progress:
            if self.checkpoint is None:
                log.write(0, **self._description())
            else:
                progress.say(f"resuming after step {position.step} from {self.checkpoint}")
            try:
                self._steps(stop, catch_up, log, progress)
            except StopNoticed:
                raise Stopped(self._stop(log)) from None
        assert self.checkpoint is not None
        return self.checkpoint

    def _steps(self, stop: StopRequest, catch_up: bool, log: TrainingLog, progress: Progress) -> None:
        """Every step that is left. `catch_up`: begin with the validation in which a stop fell."""
        position = self.position
        self.model.train()
        clock = _Clock(position)
        if catch_up:
            self._evaluate(stop, log, progress)
        finished = self._finished()
        while not finished:
            values = self._step(stop)
            position.seconds = clock.read()
            clock.step_done()
            self._keep_to_time(clock, log, progress)
            finished = self._finished()
            self._report(values, finished, log, progress)
            if self._validates(finished):
                self._evaluate(stop, log, progress)
                position.seconds = clock.read()
            if finished or position.step % self.config.checkpoint.every == 0:
                self._save(log)

    def _stop(self, log: TrainingLog) -> str:
        """Leave a checkpoint of the last whole step, and say so."""
        step = self.position.step
        if step == 0:
            return "stopped before the end of the first step; the same command begins again"
        if step != self.saved_step:
            self._save(log)
        return f"stopped after step {step} with a checkpoint; the same command goes on"

    def _validates(self, finished: bool) -> bool:
        """Whether validation belongs after the step that was done last."""
        step = self.position.step
        return bool(self.validation) and step > 0 and (finished or step % self.config.evaluation.every == 0)

    def _finished(self) -> bool:
        minutes = self.config.max_minutes
        out_of_time = minutes is not None and self.position.seconds >= 60 * minutes
        return self.position.step >= self.position.planned_steps or out_of_time

    def _step(self, stop: StopRequest) -> dict[str, float]:
        """One optimizer step on the next samples of the order; StopNoticed leaves it with nothing updated."""
        config, position = self.config, self.position
        size = config.batch.global_batch_size
        micro = config.batch.micro_batch_size or size
        rate = learning_rate(position.step, position.planned_steps, config.optimizer.learning_rate, config.schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate_factor"]
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        for first in range(0, size, micro):
            stop.check()
            count = min(micro, size - first)
            windows = load_known_windows(self.order, position.samples + first, count, self.model.vocabulary_size)
            windows = windows.to(self.device)
            with autocast(self.device, self.precision):
                share = self._loss(windows) / (size * config.sequence_length)
            share.backward()
            loss += share.detach()
        clip = config.optimizer.gradient_clip or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        values = {"loss": loss.item(), "learning_rate": rate, "gradient_norm": norm.item()}
        for name in ("loss", "gradient_norm"):
            if not math.isfinite(values[name]):
                raise self._failure(f"{name} of step {position.step + 1}")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        position.step += 1
        position.samples += size
        return values

    def _failure(self, what: str) -> TrainingFailed:
        mend = "lower optimizer.learning_rate and give another --out"
        return TrainingFailed(f"{self.out}: {what} is not a number; {mend}")

    def _report(self, values: dict[str, float], finished: bool, log: TrainingLog, progress: Progress) -> None:
        position = self.position
        rate = progress.tokens_per_second(position.samples * self.config.sequence_length, position.seconds)
        if position.step % self.config.log.every == 0 or finished:
            log.write(
                position.step,
                **values,
                tokens_per_second=round(rate, 1),
                samples=position.samples,
                seconds=round(position.seconds, 3),
            )
        progress.step(position.step, position.planned_steps, values["loss"], rate)

    def _keep_to_time(self, clock: _Clock, log: TrainingLog, progress: Progress) -> None:
        """Plan fewer steps where max_minutes would cut the cosine off."""
        position, minutes = self.position, self.config.max_minutes
        if minutes is None or position.step % _STEPS_BETWEEN_PLANS or clock.seconds_per_step is None:
            return
        left = 60 * minutes - position.seconds
        planned = fit_to_time(
            position.planned_steps, self.config.max_steps, position.step, clock.seconds_per_step, left
        )
        clock.forget_steps()
        if planned != position.planned_steps:
            position.planned_steps = planned
            log.write(position.step, planned_steps=planned)
            progress.say(f"max_minutes allows {planned} steps; the learning rate comes down by then")

    def _evaluate(self, stop: StopRequest, log: TrainingLog, progress: Progress) -> None:
        result = evaluate(
            self.model,
            self.validation,
            self.config.sequence_length,
            batch_size=self.config.batch.micro_batch_size or self.config.batch.global_batch_size,
            precision=self.precision,
            windows=self.config.evaluation.windows,
            stop=stop,
        )
        if result.tokens and not math.isfinite(result.loss):
            raise self._failure(f"validation loss after step {self.position.step}")
        log.write(
            self.position.step,
            validation_loss=result.loss,
            bits_per_byte=result.bits_per_byte,
            validation_tokens=result.tokens,
        )
        bits = "" if result.bits_per_byte is None else f", {result.bits_per_byte:.3f} bits per byte"
        progress.say(f"step {self.position.step}: validation loss {result.loss:.4f}{bits}")

    def _save(self, log: TrainingLog) -> None:
        """Write a checkpoint that counts on every line of the log; never one that holds what is not a number."""
        position, index = self.position, self.shards.index
        for name, parameter in self.model.named_parameters():
            if not all(torch.isfinite(value).all() for value in (parameter, *self.optimizer.state[parameter].values())):
                raise self._failure(f"weight or moment {name} after step {position.step}")
        log.sync()
        state = CheckpointState(
            step=position.step,
            samples=position.samples,
            seconds=position.seconds,
            planned_steps=position.planned_steps,
            vocabulary_size=index.vocabulary_size,
            end_of_text=index.end_of_text,
            tokenizer_sha256=index.tokenizer_sha256,
            shards_digest=index.digest,
            config=flatten(self.config),
        )
        keep = self.config.checkpoint.keep
        self.checkpoint = write_checkpoint(self.out, state, self.model, self.optimizer, self.tokenizer, keep)
        self.saved_step = position.step

    def _opening(self) -> str:
        return (
            f"{self.model.parameter_count:,} parameters in {self.precision} on {self.device.type}; "
            f"{self.order.windows:,} windows of {self.order.sequence_length} tokens an epoch, "
            f"{self.order.tail_tokens:,} tokens in tails of shards"
        )

    def _description(self) -> dict[str, object]:
        return {
            "parameters": self.model.parameter_count,
            "windows": self.order.windows,
            "tail_tokens": self.order.tail_tokens,
            "precision": self.precision,
            "device": self.device.type,
            "planned_steps": self.position.planned_steps,
        }


class _Clock:
    """Seconds of training over all resumes, and the pace of the latest steps without evaluations."""

    def __init__(self, position: _Position) -> None:
        self._start = time.monotonic() - position.seconds
        self._marks: list[float] = []

    def read(self) -> float:
        return time.monotonic() - self._start

    def step_done(self) -> None:
        self._marks.append(time.monotonic())

    def forget_steps(self) -> None:
        self._marks.clear()

    @property
    def seconds_per_step(self) -> float | None:
        """Median of the gaps between steps since they were last forgotten; None before there are three."""
        gaps = sorted(later - earlier for earlier, later in zip(self._marks, self._marks[1:], strict=False))
        return gaps[len(gaps) // 2] if len(gaps) >= 3 else None


def make_optimizer(model: Transformer, settings: OptimizerSettings) -> torch.optim.AdamW:
    """Fused AdamW; only matrices are decayed, not the gains of norms. Groups keep their `rate_factor`."""
    embedding = model.embedding.weight
    matrices = [p for p in model.parameters() if p.ndim >= 2 and p is not embedding]
    gains = [p for p in model.parameters() if p.ndim < 2]
    rate = settings.learning_rate
    embedding_rate = rate if settings.embedding_learning_rate is None else settings.embedding_learning_rate
    factor = embedding_rate / rate if rate else 0.0
    decay = settings.weight_decay
    groups = [
        {"params": matrices, "weight_decay": decay, "rate_factor": 1.0},
        {"params": [embedding], "weight_decay": decay, "rate_factor": factor},
        {"params": gains, "weight_decay": 0.0, "rate_factor": 1.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(settings.beta1, settings.beta2), eps=settings.epsilon, fused=True)
