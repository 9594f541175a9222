"""The tokenizer of a Hugging Face folder: each layout of files, and options that are refused."""

import json
from pathlib import Path

import pytest

from npft import ByteTokenizer
from npft.encoder.hub_tokenizer import read_tokenizer, write_tokenizer
from npft.errors import CheckpointError, ConfigError, DataError
from npft.text import ByteLevelBPE, WordPiece

FIXTURE = json.loads(
    (Path(__file__).parents[1] / "text" / "byte_level_fixture.json").read_text("utf-8")
)
VOCAB, MERGES = FIXTURE["vocab"], FIXTURE["merges"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "The", "café"]
NUMBERS = {piece: i for i, piece in enumerate(VOCAB)}
BPE_JSON = {
    "normalizer": None, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
    "added_tokens": [{"id": 0, "content": "<s>", "special": True}],
    "model": {"type": "BPE", "vocab": NUMBERS, "merges": MERGES, "dropout": None},
}  # fmt: skip
WORDPIECE_JSON = {
    "normalizer": {"type": "BertNormalizer", "lowercase": False, "strip_accents": None},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "vocab": {word: i for i, word in enumerate(WORDS)}},
}  # fmt: skip


def put(folder, **files):
    """Files by name, with _ for the dot; what is no text is written as JSON."""
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / ".".join(name.rsplit("_", 1))).write_text(text, encoding="utf-8")
    return folder


def changed(tree, path, value):
    """The tree with another value at a path of keys."""
    new = json.loads(json.dumps(tree))
    at = new
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return new


def two_files(folder, **more):
    merges = "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in MERGES)
    return put(folder, vocab_json=NUMBERS, merges_txt=merges, **more)


def test_the_files_of_gpt2_and_tokenizer_json_give_the_ids_of_tokenizers(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    for folder in (two_files(tmp_path / "a"), put(tmp_path / "b", tokenizer_json=BPE_JSON)):
        tok = read_tokenizer(folder)
        assert isinstance(tok, ByteLevelBPE)
        for text, ids, _ in FIXTURE["cases"][:100]:
            assert tok.encode(text) == ids


def test_merges_may_be_written_as_text(tmp_path):
    merges = [f"{a} {b}" for a, b in MERGES]
    put(tmp_path, tokenizer_json=changed(BPE_JSON, ["model", "merges"], merges))
    assert read_tokenizer(tmp_path).to_dict()["merges"] == MERGES


def test_a_special_token_may_stand_beside_the_vocabulary(tmp_path):
    tree = changed(BPE_JSON, ["model", "vocab"], {p: i for p, i in NUMBERS.items()} | {"<m>": 999})
    del tree["model"]["vocab"]["<m>"]
    last = tree["model"]["vocab"].pop(VOCAB[-1])
    tree["model"]["merges"] = MERGES[:-1]
    tree["added_tokens"].append({"id": last, "content": "<extra>", "special": True})
    assert read_tokenizer(put(tmp_path, tokenizer_json=tree)).vocab[-1] == "<extra>"


def test_a_space_before_the_text_is_set_as_the_folder_says(tmp_path):
    two_files(tmp_path, tokenizer_config_json={"add_prefix_space": True})
    for text, _, ids in FIXTURE["cases"][:100]:
        assert read_tokenizer(tmp_path).encode(text) == ids
    put(tmp_path, tokenizer_config_json={})
    put(tmp_path, tokenizer_json=changed(BPE_JSON, ["pre_tokenizer", "add_prefix_space"], True))
    assert read_tokenizer(tmp_path).add_prefix_space


def test_case_is_kept_where_either_file_says_so(tmp_path):
    put(tmp_path, tokenizer_json=WORDPIECE_JSON)
    assert read_tokenizer(tmp_path).encode("The the café") == [8, 5, 9]
    put(tmp_path, tokenizer_config_json={"do_lower_case": True})
    assert read_tokenizer(tmp_path).encode("The") == [5]
    put(tmp_path, vocab_txt="\n".join(WORDS) + "\n", tokenizer_config_json={})
    assert read_tokenizer(tmp_path).encode("The") == [8]
    (tmp_path / "tokenizer.json").unlink()
    assert read_tokenizer(tmp_path).encode("The") == [5]


def test_a_folder_without_a_tokenizer_has_none(tmp_path):
    assert read_tokenizer(tmp_path) is None


def test_sentencepiece_is_refused_in_words(tmp_path):
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"\0")
    with pytest.raises(CheckpointError, match="is of SentencePiece, expected WordPiece"):
        read_tokenizer(tmp_path)
    put(tmp_path, tokenizer_json={"model": {"type": "Unigram", "vocab": []}})
    with pytest.raises(CheckpointError, match=r"its model is 'Unigram' \(SentencePiece\)"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize("path, value, message", [
    (["model", "type"], "WordLevel", "its model is 'WordLevel', expected WordPiece"),
    (["model"], None, "its model is None"),
    (["model", "vocab"], [1], "does not number pieces from 0 on"),
    (["model", "vocab", "<s>"], 7, "does not number pieces from 0 on"),
    (["model", "vocab", "<s>"], "0", "does not number pieces from 0 on"),
    (["model", "merges"], {}, "has no list of merges"),
    (["model", "merges", 0], "a", "expected two pieces"),
    (["model", "merges", 0], ["a", "z"], "'az', which is not in the vocabulary"),
    (["model", "merges", 0], 3, "expected two pieces"),
    (["model", "dropout"], 0.1, "dropout is 0.1"),
    (["model", "byte_fallback"], True, "byte_fallback is True"),
    (["model", "end_of_word_suffix"], "</w>", "end_of_word_suffix is '</w>'"),
    (["pre_tokenizer", "type"], "Metaspace", "pre_tokenizer is 'Metaspace'"),
    (["pre_tokenizer", "use_regex"], False, "use_regex is False"),
    (["normalizer"], {"type": "NFC"}, "normalizer is {'type': 'NFC'}"),
    (["added_tokens", 0, "special"], False, "the added token '<s>' is not special"),
    (["added_tokens"], [1], "added_tokens is no list of tokens"),
    (["added_tokens", 0, "content"], ["<s>"], "added_tokens is no list of tokens"),
    (["pre_tokenizer", "add_prefix_space"], "yes", "add_prefix_space is 'yes'"),
])
def test_a_bpe_that_cuts_text_in_another_way_is_refused(path, value, message, tmp_path):
    put(tmp_path, tokenizer_json=changed(BPE_JSON, path, value))
    with pytest.raises(CheckpointError, match=f"tokenizer.json: .*{message}"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize("path, value, message", [
    (["model", "unk_token"], "<unk>", "unk_token is '<unk>'"),
    (["model", "continuing_subword_prefix"], "@@", "prefix is '@@'"),
    (["model", "max_input_chars_per_word"], 50, "per_word is 50"),
    (["normalizer", "strip_accents"], True, "strip_accents is True"),
    (["normalizer", "handle_chinese_chars"], False, "handle_chinese_chars is False"),
    (["normalizer", "clean_text"], False, "clean_text is False"),
    (["normalizer", "lowercase"], "no", "lower case is 'no'"),
    (["normalizer", "type"], "Lowercase", "normalizer.type is 'Lowercase'"),
    (["model", "vocab", "[MASK]"], 77, "does not number pieces"),
    (["normalizer"], None, "normalizer is None, npft cuts text by 'BertNormalizer'"),
    (["pre_tokenizer"], None, "pre_tokenizer is None, npft cuts text by 'BertPreTokenizer'"),
    (["pre_tokenizer", "type"], "Whitespace", "pre_tokenizer.type is 'Whitespace'"),
])
def test_a_wordpiece_that_cuts_text_in_another_way_is_refused(path, value, message, tmp_path):
    put(tmp_path, tokenizer_json=changed(WORDPIECE_JSON, path, value))
    with pytest.raises(CheckpointError, match=f"tokenizer.json: .*{message}"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize("options, message", [
    ({"do_lower_case": "x"}, "lower case is 'x'"),
    ({"tokenize_chinese_chars": False}, "tokenize_chinese_chars is False"),
    ({"strip_accents": False}, "strip_accents is False"),
    ({"do_basic_tokenize": False}, "do_basic_tokenize is False"),
    ({"never_split": ["cat"]}, "never_split is ..cat"),
    ({"word_tokenizer_type": "mecab"}, "word_tokenizer_type is 'mecab'"),
    ({"subword_tokenizer_type": "character"}, "subword_tokenizer_type is 'character'"),
    ({"cls_token": "<s>"}, "cls_token is '<s>', npft cuts text by '.CLS.'"),
    ({"mask_token": {"content": "<mask>", "lstrip": True}}, "mask_token is '<mask>'"),
])
def test_options_beside_a_vocabulary_are_heeded(options, message, tmp_path):
    put(tmp_path, vocab_txt="\n".join(WORDS) + "\n", tokenizer_config_json=options)
    with pytest.raises(CheckpointError, match=f"tokenizer_config.json: .*{message}"):
        read_tokenizer(tmp_path)


# As all-MiniLM-L6-v2 and bert-base-uncased are published.
MINILM_OPTIONS = {
    "cls_token": "[CLS]", "do_basic_tokenize": True, "do_lower_case": True, "mask_token": "[MASK]",
    "model_max_length": 512, "never_split": None, "pad_token": "[PAD]", "sep_token": "[SEP]",
    "strip_accents": None, "tokenize_chinese_chars": True, "tokenizer_class": "BertTokenizer",
    "unk_token": {"__type": "AddedToken", "content": "[UNK]", "lstrip": False},
}  # fmt: skip
MINILM_JSON = {
    "version": "1.0", "truncation": {"max_length": 128}, "padding": {"strategy": "BatchLongest"},
    "added_tokens": [{"id": i, "content": WORDS[i], "special": True} for i in range(5)],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                   "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "TemplateProcessing"}, "decoder": {"type": "WordPiece"},
    "model": {**WORDPIECE_JSON["model"], "max_input_chars_per_word": 100},
}  # fmt: skip


@pytest.mark.parametrize("files", [
    {"tokenizer_config_json": MINILM_OPTIONS, "tokenizer_json": MINILM_JSON},
    {"tokenizer_json": MINILM_JSON},
    {"tokenizer_config_json": MINILM_OPTIONS},
    {"tokenizer_config_json": {"cls_token": None, "never_split": []}},
    {"tokenizer_json": {"model": {"vocab": MINILM_JSON["model"]["vocab"]}}},
    {},
])
def test_folders_as_they_are_published_are_read(files, tmp_path):
    put(tmp_path, vocab_txt="\n".join(WORDS) + "\n", **files)
    assert read_tokenizer(tmp_path).encode("The cats") == [5, 6, 7]


@pytest.mark.parametrize("vocab, message", [
    (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "the", *WORDS[7:]],
     "piece 5 is 'the', in tokenizer.json 'cat'"),
    (WORDS[:-1], "piece 9 is .*, in tokenizer.json None"),
    ([*WORDS, "more"], "piece 10 is None, in tokenizer.json 'more'"),
])
def test_two_vocabularies_that_disagree_are_refused(vocab, message, tmp_path):
    tree = changed(MINILM_JSON, ["model", "vocab"], {word: i for i, word in enumerate(vocab)})
    put(tmp_path, vocab_txt="\n".join(WORDS) + "\n", tokenizer_json=tree)
    right = f"vocab.txt: {message}; one of both .*; remove tokenizer.json if vocab.txt is right$"
    with pytest.raises(CheckpointError, match=right):
        read_tokenizer(tmp_path)


def test_a_token_that_was_added_stands_in_both_files_or_in_one(tmp_path):
    added = [*MINILM_JSON["added_tokens"], {"id": 10, "content": "[E1]", "special": True}]
    put(tmp_path, tokenizer_json={**MINILM_JSON, "added_tokens": added})
    for vocab in ([*WORDS, "[E1]"], WORDS):
        put(tmp_path, vocab_txt="\n".join(vocab) + "\n")
        assert read_tokenizer(tmp_path).vocab == tuple(vocab)
    put(tmp_path, vocab_txt="\n".join([*WORDS, "more", "[E1]"]) + "\n")
    with pytest.raises(CheckpointError, match="piece 10 is 'more', in tokenizer.json '.E1.'"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize("tree", [WORDPIECE_JSON, BPE_JSON])
def test_a_sequence_of_one_part_is_that_part(tree, tmp_path):
    (tmp_path / "alone").mkdir()
    alone = read_tokenizer(put(tmp_path / "alone", tokenizer_json=tree))
    for name, items in (("pre_tokenizer", "pretokenizers"), ("normalizer", "normalizers")):
        if tree[name] is not None:
            wrapped = changed(tree, [name], {"type": "Sequence", items: [tree[name]]})
            put(tmp_path, tokenizer_json=wrapped)
            assert read_tokenizer(tmp_path).to_dict() == alone.to_dict()
    two = {"type": "Sequence", "pretokenizers": [tree["pre_tokenizer"]] * 2}
    put(tmp_path, tokenizer_json=changed(tree, ["pre_tokenizer"], two))
    with pytest.raises(CheckpointError, match="'Sequence', npft cuts text by"):
        read_tokenizer(tmp_path)


def test_a_bpe_with_other_special_tokens_is_refused(tmp_path):
    two_files(tmp_path, tokenizer_config_json={"cls_token": "[CLS]"})
    with pytest.raises(CheckpointError, match="cls_token is '.CLS.', npft cuts text by '<s>'"):
        read_tokenizer(tmp_path)


def test_damaged_files_are_told_by_their_names(tmp_path):
    put(two_files(tmp_path), merges_txt="#version: 0.2\na b c\n")
    with pytest.raises(DataError, match="merges.txt:2: is 'a b c', expected two pieces"):
        read_tokenizer(tmp_path)
    (tmp_path / "merges.txt").write_bytes(b"\xff")
    with pytest.raises(CheckpointError, match="merges.txt: cannot be read"):
        read_tokenizer(tmp_path)
    put(tmp_path, vocab_json={"a": 0}, merges_txt="")
    with pytest.raises(CheckpointError, match="vocab.json: has no <pad> <unk> <s> </s> <mask>"):
        read_tokenizer(tmp_path)
    put(tmp_path, vocab_txt="x\n")
    with pytest.raises(DataError, match="vocab.txt"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize("tok", [
    WordPiece(WORDS), WordPiece(WORDS, lowercase=False),
    ByteLevelBPE(VOCAB, MERGES), ByteLevelBPE(VOCAB, MERGES, add_prefix_space=True),
], ids=["uncased", "cased", "bpe", "bpe with space"])
def test_what_is_written_is_read_as_the_same_tokenizer(tok, tmp_path):
    write_tokenizer(tmp_path, tok, 12)
    assert read_tokenizer(tmp_path).to_dict() == tok.to_dict()


@pytest.mark.parametrize("piece", ["", "a\nb", "a\r", "cat ", "cat\u2003"])
def test_a_piece_that_no_line_can_hold_is_not_written(piece, tmp_path):
    with pytest.raises(ConfigError, match="cannot stand in a line of vocab.txt"):
        write_tokenizer(tmp_path, WordPiece([*WORDS, piece, "last"]), 12)
    assert not list(tmp_path.iterdir())


def test_a_piece_of_space_or_with_a_space_before_it_comes_back(tmp_path):
    tok = WordPiece([*WORDS, " ", " cat", "\u2028", "last"])
    write_tokenizer(tmp_path, tok, 12)
    assert read_tokenizer(tmp_path).vocab == tok.vocab


@pytest.mark.parametrize("pair", [("a", "b c"), ("#version", "a"), ("a", "\n")])
def test_a_pair_that_no_line_can_hold_is_not_written(pair, tmp_path):
    more = [piece for piece in (*pair, "".join(pair)) if piece not in VOCAB]
    tok = ByteLevelBPE([*VOCAB, *dict.fromkeys(more)], [*MERGES, pair])
    with pytest.raises(ConfigError, match="cannot stand in a line of merges.txt"):
        write_tokenizer(tmp_path, tok, 12)


def test_bytes_are_no_tokenizer_of_theirs(tmp_path):
    with pytest.raises(ConfigError, match="the tokenizer is ByteTokenizer, expected WordPiece"):
        write_tokenizer(tmp_path, ByteTokenizer(), 12)
