"""Gradual unfreezing: epoch e changes the top e layers, and nothing else by a bit."""

import numpy as np
import pytest
from small import bits, classifier, layer_bits, run, separable

from npft.errors import ConfigError
from npft.finetune.gradual import GradualUnfreezing, unfreeze_layers
from npft.finetune.regimes import freeze_body, num_trainable
from npft.finetune.train import steps_in_epoch


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_epoch_e_changes_the_top_e_layers_to_the_last_step_and_no_other_by_a_bit(norm):
    model, data, seen = classifier(layers=2, norm=norm, dropout=0.1), separable(), []
    seen.append(layer_bits(model))
    run(model, data, epochs=6, repairs=[GradualUnfreezing(4)],
        progress=lambda *_: seen.append(layer_bits(model)))
    assert len(seen) == 1 + 6 * 4
    for step in range(1, 25):
        moved = [a != b for a, b in zip(seen[step - 1], seen[step])]
        epoch = 1 + (step - 1) // 4
        assert moved == [layer < epoch for layer in range(4)], step


def test_what_is_unfrozen_starts_with_a_memory_of_its_own_and_the_rest_keeps_its():
    """The first step of a layer is that of a new optimiser: by the rate, along the sign."""
    model, before, after = classifier(layers=1), {}, {}

    def note(step, *_):
        (before if step < 5 else after).update(model.state_dict())

    run(model, epochs=3, lr=1e-2, schedule="constant", repairs=[GradualUnfreezing(4)],
        progress=lambda step, *_: note(step) if step <= 5 else None)
    name = "encoder.layernorm.weight"
    moved = np.abs(after[name] - before[name])
    assert moved.max() == pytest.approx(1e-2, rel=0.01) and (before[name] == 1).all()


def test_after_the_last_layer_everything_trains():
    model, counts = classifier(layers=2), []
    for body_layers in range(6):
        unfreeze_layers(model, body_layers)
        counts.append(num_trainable(model))
    assert counts == sorted(counts) and counts[0] == model.head().num_parameters()
    assert counts[3] == counts[5] == model.num_parameters() and len(set(counts)) == 4


def test_a_model_frozen_beforehand_is_taken_as_it_comes_and_left_as_the_last_epoch_had_it():
    model = classifier(layers=2)
    run(model, epochs=2, repairs=[GradualUnfreezing(4)])
    assert num_trainable(model) == model.head().num_parameters() + (
        model.encoder.encoder.layer[1].num_parameters() + 2 * 8)


def test_the_length_of_an_epoch_is_that_of_the_run():
    data = separable(50)
    per_epoch = steps_in_epoch(data, 16)
    model, seen = classifier(), []
    run(model, data, epochs=2, repairs=[GradualUnfreezing(per_epoch)],
        progress=lambda *_: seen.append(bits(model.encoder)))
    assert per_epoch == 4 and len(set(seen[:4])) == 1 and len(set(seen[3:])) == 5


@pytest.mark.parametrize("steps", [0, -1, 2.0, True])
def test_an_epoch_has_at_least_a_step(steps):
    with pytest.raises(ConfigError, match=f"steps_in_epoch is {steps}, expected a whole number"):
        GradualUnfreezing(steps)


def test_one_repair_does_not_go_on_with_another_model_whose_layers_are_not_frozen():
    repair, model = GradualUnfreezing(4), classifier(layers=2)
    run(model, epochs=1, repairs=[repair])
    run(model, epochs=1, repairs=[repair])
    assert repair.steps == 8
    with pytest.raises(ConfigError, match="has unfrozen another model for 8 steps"):
        run(classifier(layers=2), repairs=[repair])


# ---- against forgetting ----


def test_with_every_layer_unfrozen_it_is_plain_training_bit_for_bit():
    plain, idle = classifier(layers=2, dropout=0.1), classifier(layers=2, dropout=0.1)
    repair = GradualUnfreezing(4)
    repair.steps = 4 * 3  # the run in which everything trains has begun: heads, 2 blocks, embeddings
    unfreeze_layers(idle, 0)
    assert run(idle, repairs=[repair]).rows == run(plain).rows
    assert bits(idle) == bits(plain)


def test_with_an_epoch_without_end_it_is_a_frozen_body_bit_for_bit():
    frozen, waiting = classifier(layers=2, dropout=0.1), classifier(layers=2, dropout=0.1)
    body = bits(waiting.encoder)
    freeze_body(frozen)
    run(frozen)
    run(waiting, repairs=[GradualUnfreezing(1000)])
    assert bits(waiting) == bits(frozen) and bits(waiting.encoder) == body
