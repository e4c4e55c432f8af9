"""The data sets that ``tl-data`` knows, and what each data config needs. Imports no torch."""

import functools
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

from translearn.config import conf_dir
from translearn.data.files.download import DataSet, Resource
from translearn.data.sets.catalog_numbers import NUMBER_SETS

MNIST_ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist"  # torchvision's first mirror


# sha256 of the unpacked files, computed from a real copy.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


# Of 60000 and 10000 images of 28x28 bytes, and of their labels, each with its head.
MNIST_SIZES = (16 + 60000 * 784, 8 + 60000, 16 + 10000 * 784, 8 + 10000)


MNIST = DataSet(
    name="mnist",
    title="MNIST, 60000 + 10000 handwritten digits",
    resources=tuple(
        Resource(f"MNIST/raw/{name}", f"{MNIST_ADDRESS}/{name}.gz", sha256, size=size)
        for (name, sha256), size in zip(MNIST_SHA256.items(), MNIST_SIZES, strict=True)
    ),
    by_hand=f"the four idx files of {MNIST_ADDRESS}/, plain or .gz, in MNIST/raw",
)


BSDS500 = DataSet(
    name="bsds500",
    title="BSDS500, the 200 training photos: the backgrounds of MNIST-M",
    resources=(
        Resource(
            "BSDS500/images/train",
            "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz",
            sha256="788dbaf9c8e767f1d6f00b369a1626c2bbaa75f2f915629e55839137da0ed829",
            samples=200,
            archive_folder="BSR/BSDS500/data/images/train",
            most=2**29,
            unverified="address (not tried), folder inside the archive",
        ),
    ),
    by_hand="the photos of BSR/BSDS500/data/images/train of BSR_bsds500.tgz (Berkeley) in "
    "BSDS500/images/train",
)


USPS_ADDRESS = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass"


USPS = DataSet(
    name="usps",
    title="USPS, 7291 + 2007 digits of envelopes",
    # sha256: of the text of a real copy, which was packed by somebody else than LIBSVM;
    # md5: of LIBSVM's own file, as torchvision publishes it. Either is accepted.
    resources=(
        Resource(
            "USPS/usps.bz2",
            f"{USPS_ADDRESS}/usps.bz2",
            sha256="9a0edcd5b0ba3685318746f8e8fc945bc00e8cac60692e2cea60e4f1b47b49f1",
            md5="ec16c51db3855ca6c91edd34d0e9b197",
            most=2**27,
            unverified="address (not tried), md5 (torchvision's)",
        ),
        Resource(
            "USPS/usps.t.bz2",
            f"{USPS_ADDRESS}/usps.t.bz2",
            sha256="8d8b5579704b88819f3bde76ebc93e284ffee6ba3892c2146a649ff198972be4",
            md5="8ea070ee2aca1ac39742fdd1ef5ed118",
            most=2**27,
            unverified="address (not tried), md5 (torchvision's)",
        ),
    ),
    by_hand=f"usps.bz2 and usps.t.bz2 of {USPS_ADDRESS}/ in USPS",
)


SVHN_ADDRESS = "https://ufldl.stanford.edu/housenumbers"  # torchvision asks the same host by http


SVHN = DataSet(
    name="svhn",
    title="SVHN, 73257 + 26032 house-number digits",
    resources=(
        Resource(
            "SVHN/train_32x32.mat",
            f"{SVHN_ADDRESS}/train_32x32.mat",
            md5="e26dedcc434d2e4c54c9b2d4a06d8373",
            most=2**28,
            unverified="address (not tried), md5 (torchvision's)",
        ),
        Resource(
            "SVHN/test_32x32.mat",
            f"{SVHN_ADDRESS}/test_32x32.mat",
            md5="eb5a983be6a315427106f1b164d9cef3",
            most=2**28,
            unverified="address (not tried), md5 (torchvision's)",
        ),
    ),
    by_hand=f"train_32x32.mat and test_32x32.mat of {SVHN_ADDRESS}/ in SVHN",
)


# Photos and sha256 of each domain's folder of class folders, computed from a real copy.
OFFICE31_DOMAINS = {
    "amazon": (2817, "92967dba282a3ba92a0a739cece7bbef23dbc4181f7b85e694c97b51ce317f54"),
    "dslr": (498, "f3b11bf8aead8ec74ce515ecaf4c955b3e7a9f514e9591e6e34109301bbb2fa9"),
    "webcam": (795, "6be8e0687fcc1beea607c940dffce10f240306eb35f6fedccf3d4acfb5c47907"),
}


OFFICE31 = DataSet(
    name="office31",
    title="Office-31, 4110 photos of 31 classes of office objects, to be brought by you",
    resources=tuple(
        Resource(f"office31/{domain}/images", sha256=sha256, samples=samples, unverified="")
        for domain, (samples, sha256) in OFFICE31_DOMAINS.items()
    ),
    by_hand="put the original photos (Saenko et al. 2010) at "
    "office31/{amazon,dslr,webcam}/images/<class>/*.jpg",
)


FSDD_ADDRESS = "https://github.com/Jakobovski/free-spoken-digit-dataset"


FSDD = DataSet(
    name="fsdd",
    title="Free Spoken Digit Dataset, 3000 recordings of 10 digits by 6 speakers",
    resources=(
        Resource(
            "FSDD/recordings",
            f"{FSDD_ADDRESS}/archive/refs/tags/v1.0.10.tar.gz",
            # of names, sizes and bytes of the recordings of a real copy, see content_sha256
            sha256="8fed8b0b058a7efa7544bbb3e8e98607ecdcbd47a2f0ea31139cab18a6b679c9",
            samples=3000,
            archive_folder="free-spoken-digit-dataset-1.0.10/recordings",
            most=2**28,
        ),
    ),
    by_hand=f"the folder recordings of {FSDD_ADDRESS} in FSDD",
)


# Nothing here was checked against a real copy: no checksums, no address.
XLSA17 = {
    name: DataSet(
        name=f"xlsa17_{name.lower()}",
        title=f"{name} of xlsa17: ResNet-101 features and proposed split, to be brought by you",
        resources=tuple(
            Resource(f"xlsa17/data/{name}/{file}", unverified="content (no real copy was seen)")
            for file in ("res101.mat", "att_splits.mat")
        ),
        by_hand=f"unpack xlsa17.zip (Xian et al. 2018) so that xlsa17/data/{name} is there",
    )
    for name in ("AWA2", "CUB", "SUN", "APY")
}


SETS = (MNIST, BSDS500, USPS, SVHN, OFFICE31, FSDD, *XLSA17.values(), *NUMBER_SETS)


DATA_SETS = {data_set.name: data_set for data_set in SETS}


NOTHING = "nothing: its data comes with the installed packages"


@dataclass(frozen=True)
class Needs:
    """What a config in ``conf/data`` needs, by the key ``needs`` of its yaml.

    Attributes:
        names: the published sets it reads, keys of ``DATA_SETS``.
        words: what it needs instead, in words, where these are files of the user's own.
    """

    names: tuple[str, ...]
    words: str = ""

    def __str__(self) -> str:
        return self.words or ", ".join(self.names) or NOTHING

    @property
    def sets(self) -> tuple[DataSet, ...]:
        """Those sets, looked up anew: what is kept between calls are names alone."""
        return tuple(DATA_SETS[name] for name in self.names)


@functools.cache
def data_needs() -> dict[str, Needs]:
    """Name of a config in ``conf/data`` -> what it needs."""
    found = {}
    for path in sorted((Path(conf_dir()) / "data").glob("*.yaml")):
        needs = OmegaConf.select(OmegaConf.load(path), "data.needs")
        found[path.stem] = Needs((), needs) if isinstance(needs, str) else Needs(tuple(needs))
    return found
