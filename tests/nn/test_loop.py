"""The training loop, and what it writes down: history and progress."""

import io

import numpy as np
import pytest

from npft.autograd import Tensor
from npft.errors import ConfigError, DataError, NonFiniteError, ShapeError
from npft.nn import progress
from npft.nn.history import History
from npft.nn.layers import Dropout, Linear
from npft.nn.loop import Streams, _chances, streams, train_steps
from npft.nn.module import Module, Parameter
from npft.nn.optim import SGD, AdamW
from npft.nn.progress import Progress


def rng_of(seed=0):
    return np.random.default_rng(seed)


class Model(Module):
    def __init__(self, rng):
        self.first = Linear(4, 8, std=0.5, rng=rng)
        self.drop = Dropout(0.2)
        self.last = Linear(8, 1, std=0.5, rng=rng)

    def forward(self, x, rng=None):
        return self.last(self.drop(self.first(x).tanh(), rng))


def loss_fn(model, batch, rng):
    x, y = batch
    error = model(x, rng) - y
    loss = (error * error).mean()
    return loss, {"square": loss.item()}


def batches(n, seed=0):
    rng = rng_of(seed)
    for _ in range(n):
        x = rng.standard_normal((16, 4)).astype(np.float32)
        yield x, x[:, :1] - x[:, 1:2]


def run(seed, **options):
    model = Model(rng_of(1))
    steps = list(
        train_steps(model, batches(40), loss_fn, AdamW(model.parameters(), lr=0.01),
                    rng=rng_of(seed), **options)
    )  # fmt: skip
    return model, steps


def test_the_same_seed_gives_the_same_bits_and_another_others():
    (a, first), (b, second), (c, _) = run(0), run(0), run(1)
    assert first == second
    weights = [[p.data.tobytes() for p in model.parameters()] for model in (a, b, c)]
    assert weights[0] == weights[1] != weights[2]


def test_a_model_in_evaluation_mode_trains_as_one_in_training_mode_does():
    weights = []
    for mode in (Module.train, Module.eval):
        model = Model(rng_of(1))
        mode(model)
        list(train_steps(model, batches(3), loss_fn, SGD(model.parameters()), rng=rng_of()))
        weights.append([p.data.tobytes() for p in model.parameters()])
    assert weights[0] == weights[1]


def test_training_brings_the_loss_down():
    _, steps = run(0)
    assert [s.step for s in steps] == list(range(1, 41))
    assert np.mean([s.loss for s in steps[-5:]]) < 0.7 * np.mean([s.loss for s in steps[:5]])
    assert all(s.parts == {"square": s.loss} and s.factor == 1.0 for s in steps)


def test_the_loop_is_a_generator_that_does_one_step_at_a_time():
    model = Model(rng_of())
    before = model.state_dict()
    steps = train_steps(model, batches(3), loss_fn, SGD(model.parameters()), rng=rng_of())
    np.testing.assert_array_equal(model.state_dict()["first.weight"], before["first.weight"])
    next(steps)
    once = model.state_dict()["first.weight"]
    assert not np.array_equal(once, before["first.weight"])
    assert model.first.weight.grad is not None  # a lesson can look at it
    next(steps)
    assert not np.array_equal(model.state_dict()["first.weight"], once)
    assert len(list(steps)) == 1


def plain_loss(model, x, rng):
    return (model(x) * np.float32(1)).sum(), {}


def test_schedule_clip_and_norm_reach_the_step():
    def weight_after(**options):
        model = Linear(1, 1, std=0.0, rng=rng_of())
        data = [np.array([[3.0]], np.float32)] * 2
        steps = list(train_steps(model, data, plain_loss, SGD(model.parameters(), lr=1.0),
                                 rng=rng_of(), **options))  # fmt: skip
        return model.weight.data.item(), steps

    length = np.sqrt(10.0)  # the gradients are 3 for the weight and 1 for the bias
    free, steps = weight_after(clip=None)
    assert free == -6 and all(np.isclose(s.grad_norm, length) for s in steps)
    clipped, steps = weight_after(clip=0.5)
    assert np.isclose(clipped, -2 * 3 * 0.5 / length) and np.isclose(steps[0].grad_norm, length)
    halved, steps = weight_after(clip=None, schedule=lambda s: 1 / s)
    assert halved == -3 - 1.5 and [s.factor for s in steps] == [1.0, 0.5]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_names_the_step(bad):
    model = Linear(1, 1, rng=rng_of())
    data = [np.ones((1, 1), np.float32), np.full((1, 1), bad, np.float32)]
    steps = train_steps(model, data, plain_loss, SGD(model.parameters()), rng=rng_of())
    next(steps)
    before = model.state_dict()
    with pytest.raises(NonFiniteError, match="step 2: the loss is (nan|-?inf)"):
        next(steps)
    np.testing.assert_array_equal(model.state_dict()["weight"], before["weight"])


def test_a_gradient_that_is_not_finite_names_the_step_and_the_parameter():
    model = Model(rng_of()).eval()

    def root(model, batch, rng):
        return loss_fn(model, batch, rng)[0] + (model.last.bias * 0).sqrt().sum(), {}

    steps = train_steps(model, batches(1), root, SGD(model.parameters()), rng=rng_of())
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(NonFiniteError, match="step 1: the gradient of last.bias is not finite"),
    ):
        next(steps)


def test_a_loss_of_many_elements_is_refused():
    model = Linear(1, 1, rng=rng_of())
    data = [np.ones((2, 1), np.float32)]
    steps = train_steps(
        model, data, lambda m, x, rng: (m(x), {}), SGD(model.parameters()), rng=rng_of()
    )
    with pytest.raises(ShapeError, match="one element"):
        next(steps)


# --- streams ------------------------------------------------------------------------------------


def test_a_batch_that_is_cut_into_nothing_is_refused():
    model = Linear(1, 1, rng=np.random.default_rng(0))
    steps = train_steps(model, [1], None, SGD(model.parameters(), lr=1.0), cut=lambda batch: [],
                        rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="step 1: the batch was cut into no pieces"):
        next(steps)


@pytest.mark.parametrize("wrong", [np.random, np.random.RandomState(0), 3, None])
def test_chance_that_is_no_generator_is_refused_before_the_first_step(wrong):
    model = Model(rng_of(1))
    steps = train_steps(model, batches(1), loss_fn, SGD(model.parameters()), rng=wrong)
    with pytest.raises(ConfigError, match="train_steps: rng is .*, expected a generator"):
        next(steps)


def test_streams_are_independent_of_each_other_and_repeat():
    a, b = streams(rng_of(5)), streams(rng_of(5))
    assert isinstance(a, Streams)
    a.masks.random(1000)  # using more of one kind of chance
    for name in ("order", "dropout", "probe"):
        assert getattr(a, name).random(5).tolist() == getattr(b, name).random(5).tolist()
    draws = {tuple(s.random(5)) for s in streams(rng_of(5))}
    assert len(draws) == 4


# --- history ------------------------------------------------------------------------------------


def history():
    h = History()
    h.add(0, loss=2.0)
    h.add(5, loss=np.float32(1.5), f1=0.1 + 0.2)
    h.add(np.int64(7), f1=1)
    return h


def test_history_gives_columns_with_their_steps():
    h = history()
    assert h.metrics == ["loss", "f1"]
    assert h.step.tolist() == [0, 5, 7] and h.step.dtype == np.int64
    assert h["loss"].tolist() == [2.0, 1.5] and h.at("loss").tolist() == [0, 5]
    assert h["f1"].tolist() == [0.1 + 0.2, 1.0] and h.at("f1").tolist() == [5, 7]
    assert repr(h) == "History(3 rows: loss, f1)"
    for bad in ("accuracy", "step"):
        with pytest.raises(ConfigError, match=f"no metric '{bad}'; measured are"):
            h[bad]
    assert len(History().step) == 0 and History().metrics == []


def test_history_comes_back_from_a_file_and_writes_the_same_bytes(tmp_path):
    h = history()
    h.to_json(tmp_path / "a.json")
    back = History.from_json(tmp_path / "a.json")
    assert back.rows == h.rows
    back.to_json(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_two_histories_share_no_rows():
    a, b = History(), History()
    a.add(1, loss=1.0)
    assert b.rows == []


def test_a_weight_beside_the_model_is_trained_like_one_of_it():
    model, scale = Linear(1, 1, rng=rng_of()), Parameter(np.array([2.0], np.float32))

    def scaled(model, batch, rng):
        out = model(batch) * scale
        return (out * out).mean(), {}

    gradients = []
    data = [np.ones((1, 1), np.float32)] * 3
    optimizer = SGD([*model.parameters(), scale], lr=1e-9)
    for _ in train_steps(model, data, scaled, optimizer, clip=None, rng=rng_of()):
        gradients.append(scale.grad.item())
    assert gradients[0] == pytest.approx(gradients[-1], rel=1e-5) != 0  # not added up
    with pytest.raises(NonFiniteError, match="a parameter outside the model"):

        def steep(model, batch, rng):
            return (model(batch) * 1.0).mean() + (scale * 1e-30).sqrt().sum() * 0.0, {}

        scale.assign(np.zeros(1, np.float32))
        with np.errstate(all="ignore"):
            list(train_steps(model, data, steep, optimizer, rng=rng_of()))


# --- progress -----------------------------------------------------------------------------------


def test_progress_writes_every_so_many_seconds_and_at_the_end(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress, "EVERY", 2.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    stream = io.StringIO()
    p = Progress("tour", stream)
    for step, at in [(1, 101.0), (5, 110.0), (6, 111.0), (8, 112.5), (20, 112.6)]:
        now[0] = at
        p(step, 20, f"loss {step}")
    assert stream.getvalue().splitlines() == [
        "tour 5/20  loss 5  10 s, 30 s left",
        "tour 8/20  loss 8  12 s, 19 s left",
        "tour 20/20  loss 20  13 s",
    ]


def test_a_run_that_goes_on_reckons_with_its_own_steps_only(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    stream = io.StringIO()
    p = Progress("tour", stream)
    for step, at in [(891, 1.0), (900, 10.0)]:  # 890 of 1,000 steps were done before
        now[0] = at
        p(step, 1000, "")
    assert stream.getvalue().endswith("10 s, 100 s left\n")


def test_what_ends_before_its_first_line_is_due_may_say_nothing(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    for end, lines in ((4.9, []), (7.0, ["embed 4/8  lines  6 s, 6 s left", "embed 8/8  lines  7 s"])):
        now[0], stream = 0.0, io.StringIO()
        p = Progress("embed", stream, short=False)
        for step, at in [(0, 0.0), (4, min(6.0, end)), (8, end)]:
            now[0] = at
            p(step, 8, "lines")
        assert stream.getvalue().splitlines() == lines


def test_progress_goes_to_standard_error_and_takes_step_0(capsys, monkeypatch):
    p = Progress("x")
    p(0, 0, "nothing to do")
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("x 0/0  nothing to do")


def test_an_engine_tensor_is_what_a_loss_is():
    model = Linear(1, 1, rng=rng_of())
    loss, _ = plain_loss(model, np.ones((1, 1), np.float32), rng_of())
    assert isinstance(loss, Tensor) and loss.requires_grad


# --- history from a file ------------------------------------------------------------------------


@pytest.mark.parametrize("text, words", [
    (None, "cannot be read"), ("{", "is no JSON"), ("[1, 2]", "no list of measurements"),
    ('{"step": 1}', "no list of measurements"),
])  # fmt: skip
def test_a_file_that_is_no_history_is_refused(tmp_path, text, words):
    path = tmp_path / "history.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        History.from_json(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_of_a_history_is_read_by_eye_a_number_a_line_and_set_in_by_its_depth(tmp_path):
    h = History([{"step": 1, "loss": 0.5}])
    h.to_json(tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == '[\n {\n  "step": 1,\n  "loss": 0.5\n }\n]\n'


def test_the_pieces_of_a_batch_draw_what_committed_results_were_made_with():
    """Numbers written down once: other seeds would be as good, and change every result."""
    drawn = [rng.integers(1000) for rng in _chances(rng_of(), 3)]
    assert drawn == [789, 530, 598]
