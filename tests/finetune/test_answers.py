"""What a span finder answers: words of the passage, whatever the pieces of its tokenizer are."""

import numpy as np

from npft import BPE, Encoder, EncoderConfig
from npft.finetune.spans import SpanFinder


def test_answers_of_pieces_that_begin_with_a_space_do_not_begin_with_it():
    tok = BPE.train(["the red fox ran home"] * 3, 320)
    assert tok.pieces("the red fox ran home")[1:] == [b" red", b" fox", b" ran", b" home"]
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=4, num_layers=1, num_heads=2,
                           intermediate_size=4, max_positions=16)
    passages = ["the red fox ran home", "the fox", "ran home home red"]
    answers = []
    for seed in range(5):  # untrained: any run of pieces may be the answer
        rng = np.random.default_rng(seed)
        finder = SpanFinder(Encoder(config, tokenizer=tok, rng=rng), rng=rng)
        found = finder.predict(["who"] * 3, passages)
        assert all(answer in passage for answer, passage in zip(found, passages))
        answers += [(a, p) for a, p in zip(found, passages) if not p.startswith(a)]
    assert len(answers) > 3  # answers from inside a passage, where a piece has a space before it
    assert all(answer == answer.strip() != "" for answer, _ in answers)
