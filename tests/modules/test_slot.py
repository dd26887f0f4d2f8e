from __future__ import annotations

import torch
from randomising import randomised
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules import SlotAttention
from yaml_attn.modules.slot import GRU


def image() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 6, 3, 4, generator=generator, dtype=torch.float64)


def normalised(values: Tensor, norm: nn.LayerNorm) -> Tensor:
    centred = values - values.mean()
    return centred / (centred.square().mean() + 1e-5).sqrt() * norm.weight + norm.bias


def step_by_hand(gru: GRU, u: Tensor, s: Tensor) -> Tensor:
    r_u, z_u, n_u = (gru.input.weight @ u + gru.input.bias).chunk(3)
    r_s, z_s, n_s = (gru.state.weight @ s + gru.state.bias).chunk(3)
    r, z = 1 / (1 + (-r_u - r_s).exp()), 1 / (1 + (-z_u - z_s).exp())
    return (1 - z) * (n_u + r * n_s).tanh() + z * s


def slots_by_hand(layer: SlotAttention, tokens: list[Tensor]) -> tuple[list[Tensor], Tensor]:
    """The slots of one image and A of the last round, (pixels, slots), sum by sum."""
    keys = [layer.key.weight @ token for token in tokens]
    values = [layer.value.weight @ token for token in tokens]
    slots = [layer.mean.weight[0] + layer.log_sigma.weight[0].exp() * e for e in layer.noise]
    for _ in range(layer.iterations):
        queries = [layer.query.weight @ normalised(s, layer.norm_slots) for s in slots]
        logits = (
            torch.stack([torch.stack([k @ q for q in queries]) for k in keys])
            / len(slots[0]) ** 0.5
        )
        shares = logits.exp() / logits.exp().sum(1, keepdim=True)
        for at, slot in enumerate(slots):
            weights = (shares[:, at] + 1e-8) / (shares[:, at] + 1e-8).sum()
            update = sum(w * v for w, v in zip(weights, values, strict=True))
            new = step_by_hand(layer.gru, update, slot)
            slots[at] = new + layer.mlp(normalised(new, layer.norm_mlp))
    return slots, shares


def test_the_paper_s_algorithm() -> None:
    layer, x = randomised(SlotAttention(6, 3, 2, 8)), image()
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        tokens = []
        for at, pixel in enumerate(columns.T):
            row, column = at // 4 / 2, at % 4 / 3
            place = torch.tensor([row, column, 1 - row, 1 - column], dtype=torch.float64)
            p = layer.position.weight @ place + layer.position.bias
            tokens.append(normalised(pixel + p, layer.norm_input))
        slots, shares = slots_by_hand(layer, tokens)
        read = shares @ torch.stack(slots)
        wanted = columns + (read @ layer.out.weight.T + layer.out.bias).T
        torch.testing.assert_close(found.flatten(1), wanted, atol=1e-6, rtol=1e-5)


def test_the_gru_is_torch_s() -> None:
    ours, theirs = GRU(5), nn.GRUCell(5, 5)
    for kind in ("weight", "bias"):
        getattr(theirs, f"{kind}_ih").data.copy_(ours.input.get_parameter(kind))
        getattr(theirs, f"{kind}_hh").data.copy_(ours.state.get_parameter(kind))
    update, state = torch.randn(2, 3, 5).unbind()
    torch.testing.assert_close(ours(update, state), theirs(update, state))


def test_the_slots_have_no_order() -> None:
    layer, x = randomised(SlotAttention(6, 4, 2, 8)), image()
    before = layer(x)
    layer.noise.copy_(layer.noise.flip(0))
    torch.testing.assert_close(layer(x), before)


def test_from_one_start_all_slots_stay_the_same() -> None:
    # Why evaluation keeps noise and does not start from the mean.
    layer, x = randomised(SlotAttention(6, 4, 2, 8)), image()
    assert layer._first_slots(x).std(1).min() > 0
    layer.noise.zero_()
    one = randomised(SlotAttention(6, 1, 2, 8))
    one.load_state_dict({**layer.state_dict(), "noise": layer.noise[:1]})
    shared = layer(x) - x
    assert (shared - shared[:, :, :1, :1]).abs().max() < 1e-9  # every pixel reads the same


def test_without_positions_the_pixels_have_no_order() -> None:
    layer, x = randomised(SlotAttention(6, 3, 2, 8)), image()
    assert not torch.allclose(layer(x.flip(2, 3)), layer(x).flip(2, 3))
    nn.init.zeros_(layer.position.weight)
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))


def test_training_draws_the_start_anew_and_evaluation_does_not() -> None:
    layer, x = randomised(SlotAttention(6)), image()
    assert torch.equal(layer(x), layer(x))
    layer.train()
    assert not torch.equal(layer(x), layer(x))
    twins = torch.cat([x[:1], x[:1]])
    assert not torch.equal(*layer(twins).unbind())  # each image has its own


def test_a_pixel_s_shares_are_of_one() -> None:
    # If all slots say the same, each pixel hears just that.
    layer, x = randomised(SlotAttention(6, 3, 1, 8)), image()
    for linear in (layer.gru.input, layer.gru.state):
        nn.init.zeros_(linear.weight)
    nn.init.zeros_(layer.mlp[2].weight)
    layer.log_sigma.weight.data.fill_(-50)
    slot = step_by_hand(layer.gru, torch.zeros(8).double(), layer.mean.weight[0])
    slot = slot + layer.mlp[2].bias
    wanted = F.linear(slot, layer.out.weight, layer.out.bias)
    torch.testing.assert_close(layer(x) - x, wanted[None, :, None, None].expand_as(x))
