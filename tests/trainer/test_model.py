"""The model against plain references: rotary positions, grouped queries, cache, precision."""

import pytest
import torch
import torch.nn.functional as functional

from trainer.attention import _plain, attend
from trainer.config import ModelShape
from trainer.model import Cache, Transformer, rotate, rotation_tables
from trainer.sample import Sampling, choose, generate

SHAPE = ModelShape(layers=2, width=48, heads=6, key_value_heads=2, hidden=64)


def make_model(**changes: bool) -> Transformer:
    shape = ModelShape(**{**SHAPE.__dict__, **changes})
    model = Transformer(shape, 50)
    model.initialise(7)
    # Outputs start at zero, which would hide what attention does.
    for block in model.blocks:
        for projection in (block.attention.output, block.feed_forward.down):  # type: ignore[union-attr]
            torch.nn.init.normal_(projection.weight, std=0.1, generator=torch.Generator().manual_seed(8))
    return model.eval()


def test_rotation_equals_complex_multiplication() -> None:
    x = torch.randn(2, 9, 3, 8, dtype=torch.float64)
    cosine, sine = (table.double() for table in rotation_tables(9, 8, 10000.0))
    pairs = torch.complex(x[..., :4], x[..., 4:])
    angle = torch.outer(torch.arange(9.0), 10000.0 ** -(torch.arange(0, 8, 2) / 8)).double()
    turned = pairs * torch.polar(torch.ones_like(angle), angle)[None, :, None]
    expected = torch.cat((turned.real, turned.imag), dim=-1)
    torch.testing.assert_close(rotate(x, cosine, sine), expected, atol=1e-6, rtol=1e-6)


def test_rotated_products_depend_on_distance_only() -> None:
    cosine, sine = rotation_tables(40, 8, 10000.0)
    query, key = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def product(at: int, back: int) -> float:
        turned = rotate(query, cosine[at : at + 1], sine[at : at + 1])
        other = rotate(key, cosine[at - back : at - back + 1], sine[at - back : at - back + 1])
        return float((turned * other).sum())

    assert product(10, 4) == pytest.approx(product(35, 4), abs=1e-5)
    assert product(10, 4) != pytest.approx(product(10, 5), abs=1e-3)


def naive_attention(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """One head and one position at a time."""
    batch, heads, length, width = queries.shape
    context, groups = keys.shape[2], heads // keys.shape[1]
    result = torch.zeros_like(queries)
    for b in range(batch):
        for h in range(heads):
            for t in range(length):
                seen = context - length + t + 1
                scores = keys[b, h // groups, :seen] @ queries[b, h, t] / width**0.5
                result[b, h, t] = scores.softmax(0) @ values[b, h // groups, :seen]
    return result


@pytest.mark.parametrize(("length", "context"), [(7, 7), (1, 7), (3, 7)])
def test_grouped_queries_equal_a_naive_reference(length: int, context: int) -> None:
    queries = torch.randn(2, 6, length, 8)
    keys, values = torch.randn(2, 2, context, 8), torch.randn(2, 2, context, 8)
    expected = naive_attention(queries, keys, values)
    torch.testing.assert_close(attend(queries, keys, values), expected, atol=1e-5, rtol=1e-5)
    if length == context:
        torch.testing.assert_close(_plain(queries, keys, values), expected, atol=1e-5, rtol=1e-5)


def test_plain_attention_in_bf16_has_the_gradients_of_fp32() -> None:
    inputs = [torch.randn(2, heads, 32, 16, requires_grad=True) for heads in (4, 2, 2)]
    attend(*inputs).square().sum().backward()
    rough = [tensor.detach().bfloat16().requires_grad_() for tensor in inputs]
    attend(*rough).float().square().sum().backward()
    for tensor, other in zip(inputs, rough, strict=True):
        assert tensor.grad is not None and other.grad is not None
        similarity = functional.cosine_similarity(tensor.grad.flatten(), other.grad.float().flatten(), 0)
        assert similarity > 0.999


def test_no_position_sees_what_comes_after_it() -> None:
    model = make_model()
    tokens = torch.randint(0, 50, (1, 20))
    changed = tokens.clone()
    changed[0, 12:] = (changed[0, 12:] + 1) % 50
    torch.testing.assert_close(model(tokens)[:, :12], model(changed)[:, :12], atol=1e-6, rtol=0)
    assert not torch.allclose(model(tokens)[:, 12:], model(changed)[:, 12:])


def test_the_cache_gives_the_logits_of_the_whole_sequence() -> None:
    model = make_model()
    tokens = torch.randint(0, 50, (2, 20))
    cache = Cache(model, 2, 20)
    pieces = [model(piece, cache) for piece in tokens.split([5, 1, 1, 9, 4], dim=1)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(tokens), atol=1e-5, rtol=1e-4)


def test_greedy_continuation_with_a_cache_equals_the_one_without() -> None:
    model = make_model()
    prompt, context = [3, 9, 27], 64
    with_cache = list(generate(model, prompt, Sampling(temperature=0, max_tokens=40), end_of_text=0, context=context))
    sequence = [0, *prompt]
    while len(sequence) < 44:
        following = int(model(torch.tensor([sequence]))[0, -1].argmax())
        if following == 0:
            break
        sequence.append(following)
    assert with_cache == sequence[4:]


def test_generation_goes_on_beyond_the_context() -> None:
    model = make_model()
    sampling = Sampling(temperature=1.0, max_tokens=60, seed=2)
    tokens = list(generate(model, [5], sampling, end_of_text=49, context=16))
    assert 0 < len(tokens) <= 60
    assert tokens == list(generate(model, [5], sampling, end_of_text=49, context=16))
    long_prompt = list(range(1, 40))
    assert list(generate(model, long_prompt, sampling, end_of_text=49, context=16))


def test_generation_stops_before_end_of_text() -> None:
    model = make_model()
    greedy = Sampling(temperature=0, max_tokens=30)
    tokens = list(generate(model, [3], greedy, end_of_text=0, context=64))
    stop_at = tokens[4]
    short = list(generate(model, [3], greedy, end_of_text=0, context=64))
    assert short == tokens
    assert stop_at not in list(generate(model, [3], greedy, end_of_text=stop_at, context=64))


def test_top_k_and_top_p_leave_the_likeliest_only() -> None:
    logits = torch.tensor([0.5, 0.2, 0.15, 0.1, 0.05]).log()

    def drawn(**settings: float) -> set[int]:
        generator = torch.Generator().manual_seed(1)
        sampling = Sampling(**{"temperature": 1.0, **settings})  # type: ignore[arg-type]
        return {choose(logits, sampling, generator) for _ in range(400)}

    assert drawn() == {0, 1, 2, 3, 4}
    assert drawn(top_k=2) == {0, 1}
    assert drawn(top_p=0.6) == {0, 1}
    assert drawn(top_p=0.0) == {0}
    assert drawn(temperature=0.0) == {0}
    assert drawn(temperature=0.02) == {0}
    assert drawn(temperature=1e-40) == drawn(temperature=5e-324) == {0}
    assert drawn(temperature=float("inf")) == {0, 1, 2, 3, 4}


def test_sampling_follows_the_probabilities() -> None:
    logits = torch.tensor([0.6, 0.3, 0.1]).log()
    generator = torch.Generator().manual_seed(0)
    draws = [choose(logits, Sampling(temperature=1.0), generator) for _ in range(6000)]
    shares = [draws.count(token) / 6000 for token in range(3)]
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.025)


def test_parameters_are_as_the_module_says() -> None:
    for tied in (True, False):
        model = make_model(tie_embeddings=tied)
        width, hidden = SHAPE.width, SHAPE.hidden
        per_layer = width * (2 * width + 2 * width * 2 // 6) + 3 * width * hidden + 2 * width
        assert model.parameter_count == 2 * per_layer + 50 * width * (1 if tied else 2) + width


def test_an_untrained_model_expects_the_token_it_has_just_read() -> None:
    model = Transformer(SHAPE, 50)
    model.initialise(7)
    tokens = torch.randint(0, 50, (1, 30))
    assert torch.equal(model(tokens).argmax(-1), tokens)
    again = Transformer(SHAPE, 50)
    again.initialise(7)
    assert torch.equal(again(tokens), model(tokens))
