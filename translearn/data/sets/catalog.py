"""The data sets that ``tl-data`` knows, and which of them each config reads. Imports no torch."""

from translearn.data.files.download import DataSet, Resource
from translearn.data.sets.mnist import MNIST
from translearn.data.sets.mnist_m import BSDS500
from translearn.data.sets.svhn import SVHN
from translearn.data.sets.usps import USPS

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


SETS = (MNIST, BSDS500, USPS, SVHN, OFFICE31, FSDD, *XLSA17.values())


DATA_SETS = {data_set.name: data_set for data_set in SETS}


# Name of a config in conf/data -> the sets it reads.
NEEDS: dict[str, tuple[DataSet, ...]] = {
    "apy": (XLSA17["APY"],),
    "awa2": (XLSA17["AWA2"],),
    "awa2_photos": (),
    "cub": (XLSA17["CUB"],),
    "cub_photos": (),
    "digit_tasks": (MNIST, BSDS500, USPS, SVHN, FSDD),  # those of them that data.tasks names
    "digits": (),
    "digits_attributes": (),
    "digits_parity": (),
    "digits_split": (),
    "folder": (),
    "folder_zeroshot": (),
    "fsdd": (FSDD,),
    "mnist_attributes": (MNIST,),
    "mnist_fsdd": (MNIST, FSDD),
    "mnist_mnistm": (MNIST, BSDS500),
    "mnist_split": (MNIST,),
    "mnist_usps": (MNIST, USPS),
    "office31": (OFFICE31,),
    "office31_classes": (OFFICE31,),
    "office31_zeroshot": (OFFICE31,),
    "sun": (XLSA17["SUN"],),
    "svhn_mnist": (SVHN, MNIST),
    "usps_mnist": (USPS, MNIST),
}
