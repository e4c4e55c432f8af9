"""A real sentence-transformers model in a folder: a tiny BERT with random weights."""

import socket

import pytest
import torch
from runs import train

from translearn.errors import DataError
from translearn.semantics.text import Sentences

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = [*SPECIAL, "a", "photo", "of", "desk", "lamp", *map(str, range(10))]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("sentence_transformers")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=32,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refused(*arguments, **options):
        raise AssertionError("it reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def test_it_is_the_mean_over_the_tokens_of_the_template(model):
    import transformers

    found = Sentences(str(model)).vectors(["desk_lamp", "7"])
    encoder = transformers.BertModel.from_pretrained(model).eval()
    for row, text in zip(found, ("a photo of a desk lamp", "a photo of a 7"), strict=True):
        tokens = torch.tensor([[WORDS.index(w) for w in ("[CLS]", *text.split(), "[SEP]")]])
        with torch.no_grad():
            expected = encoder(tokens).last_hidden_state.mean(dim=1)[0]
        assert torch.allclose(row, expected, atol=1e-5)


def test_a_run_learns_from_its_vectors(model, tmp_path):
    result = train(tmp_path / "run", "method=zeroshot", "data=digits_attributes", "run=smoke",
                   "semantics=sentences", f"semantics.model={model}")  # fmt: skip
    assert result["status"] == "done" and "zsl/t1" in result["metrics"]


def test_a_damaged_model_is_told(model, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert", "hidden_size":')
    with pytest.raises(DataError, match="is no sentence encoder") as error:
        Sentences(str(tmp_path)).vectors(["7"])
    assert len(str(error.value).splitlines()) <= 6
