"""Many languages in one body: the texts, the cells, and an accent that can be reckoned by hand."""

import numpy as np
import pytest

from npft import Encoder, EncoderConfig, MaskedLM
from npft.errors import ConfigError
from npft.experiments import curse
from npft.worlds import vocabulary
from npft.worlds.languages import dictionary, family_words, reordered
from npft.worlds.tokens import Token


def test_every_language_of_the_family_has_forms_of_its_own():
    forms = [set(vocabulary()), *(set(family_words(k).values()) for k in range(1, 27))]
    assert all(len(own) == len(dictionary()) for own in forms[1:])
    assert len(set().union(*forms)) == sum(map(len, forms))
    for wrong in (0, 27, 1.0, True):
        with pytest.raises(ConfigError, match="a whole number, 1 to 26"):
            family_words(wrong)


def test_the_second_order_puts_adjectives_behind_nouns_and_verbs_last():
    said = [("the", "DET"), ("new", "ADJ"), ("ferry", "NOUN"), ("leaves", "VERB"), ("and", "CCONJ"),
            ("mona", "PROPN"), ("waits", "VERB"), ("here", "ADV")]  # fmt: skip
    ordered = [t.word for t in reordered([Token(word, pos) for word, pos in said])]
    assert ordered == "the ferry new leaves and mona here waits".split()


def test_languages_say_the_same_kind_of_sentences_and_keep_their_parts_apart():
    plain, other = curse.told(0, 0, 30, 0, False), curse.told(0, 3, 30, 0, True)
    assert all(t.word in vocabulary() for tokens in plain for t in tokens)
    own, names = set(family_words(3).values()), set(vocabulary()) - dictionary().keys()
    assert all(t.word in own | names for tokens in other for t in tokens)
    assert all("ADJ NOUN" not in " ".join(t.pos for t in tokens) for tokens in other)
    assert any("ADJ NOUN" in " ".join(t.pos for t in tokens) for tokens in plain)
    held_out = curse.told(0, 0, 30, 1, False)
    assert not {tuple(s) for s in plain} & {tuple(s) for s in held_out}


def test_the_cells_share_the_steps_and_the_controls_have_what_one_of_them_gets():
    cells = curse.curse_cells()
    assert [c["languages"] for c in cells] == [1, 2, 4, 8, 1, 1, 1, 1, 8]
    assert [c["steps"] for c in cells[4:7]] == [curse.STEPS // n for n in (2, 4, 8)]
    assert {(c["company"], c["share"]) for c in curse.accent_cells()} == {
        (company, share) for company in curse.COMPANY for share in curse.SHARES
    }


def toy():
    """A vocabulary of two nouns and an adjective, and sentences that hold them in the new order."""
    sentences = [
        [Token("boat", "NOUN"), Token("old", "ADJ")],
        [Token("mona", "PROPN"), Token("net", "NOUN"), Token("old", "ADJ"), Token("net", "NOUN")],
        [Token("mona", "PROPN"), Token("net", "NOUN")],
    ]
    texts = [" ".join(t.word for t in tokens) for tokens in sentences]
    return sentences, curse.WordPiece.train(5 * texts, vocab_size=100)


def test_both_words_of_a_pair_are_hidden_and_the_first_is_asked():
    sentences, tok = toy()
    batch = curse.hidden_pairs(sentences, tok)
    (boat,), (net,), (mona,) = (tok.encode(word) for word in ("boat", "net", "mona"))
    mask = tok.mask_id
    assert batch.ids.tolist() == [tok.cls_id, mask, mask, tok.sep_id,
                                  tok.cls_id, mona, mask, mask, net, tok.sep_id]  # fmt: skip
    assert batch.token_targets()[0].tolist() == [1, 6]
    assert batch.token_targets()[1].tolist() == [boat, net]


def test_the_accent_is_the_share_of_adjectives_of_what_nouns_and_adjectives_get():
    sentences, tok = toy()
    adjectives, nouns = curse.classes(sentences, tok)
    assert adjectives.tolist() == tok.encode("old")
    assert sorted(nouns.tolist()) == sorted(tok.encode("boat") + tok.encode("net"))
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=8, num_heads=2, num_layers=1)
    model = MaskedLM(Encoder(config, tokenizer=tok, rng=rng), nsp=False, rng=rng)
    bias = np.zeros(tok.vocab_size, np.float32)
    bias[adjectives] = np.log(6)  # against two nouns of weight 1 each
    zero = {name: np.zeros_like(values) for name, values in model.state_dict().items()}
    model.load_state_dict(zero | {"heads.mlm.bias": bias})  # the bias alone decides
    assert curse.accent(model, curse.hidden_pairs(sentences, tok), adjectives, nouns) == (
        pytest.approx(6 / 8)
    )


def short(monkeypatch):
    monkeypatch.setattr(curse, "SENTENCES", 40)
    monkeypatch.setattr(curse, "HELD_OUT", 20)
    monkeypatch.setattr(curse, "SMALL", 20)
    monkeypatch.setattr(curse, "LANGUAGES", (1, 2))


def test_a_cell_measures_each_of_its_languages_and_the_tables_find_them(monkeypatch):
    short(monkeypatch)
    curse.vocabulary_of.cache_clear()
    cells = [
        curse.curse_cell({"languages": n, "steps": 3, "width": 8, "seed": 0}) for n in (1, 2)
    ]
    cells += [curse.accent_cell(curse.accent_cells()[0] | {"steps": 3, "width": 8, "seed": 0})]
    curse.vocabulary_of.cache_clear()
    assert [len(c["loss"]) for c in cells[:2]] == [1, 2]
    assert 0 < cells[2]["accent"] < 1 and cells[2]["loss"] > 0
    monkeypatch.setattr(curse, "STEPS", 3)
    table = curse.by_languages(cells, "loss", 8)
    assert table[2].tolist() == [pytest.approx(np.mean(cells[1]["loss"]))]
    cells.append(cells[0] | {"steps": 1, "width": curse.WIDTH})
    assert list(curse.with_fewer_steps(cells, "loss")) == [3]
    assert curse.accents(cells)["same order"][0.03].tolist() == [cells[2]["accent"]]
