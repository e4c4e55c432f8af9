"""The data sets that ``tl-data`` knows, and which of them each config reads. Imports no torch."""

from translearn.data.download import DataSet, Resource
from translearn.data.mnist import MNIST
from translearn.data.mnist_m import BSDS500
from translearn.data.svhn import SVHN
from translearn.data.usps import USPS

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
        Resource(f"office31/{domain}/images", sha256=sha256, photos=photos, unverified="")
        for domain, (photos, sha256) in OFFICE31_DOMAINS.items()
    ),
    by_hand="put the original photos (Saenko et al. 2010) at "
    "office31/{amazon,dslr,webcam}/images/<class>/*.jpg",
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

KNOWN = (MNIST, BSDS500, USPS, SVHN, OFFICE31, *XLSA17.values())
DATA_SETS = {data_set.name: data_set for data_set in KNOWN}

# Name of a config in conf/data -> the sets it reads.
NEEDS: dict[str, tuple[DataSet, ...]] = {
    "apy": (XLSA17["APY"],),
    "awa2": (XLSA17["AWA2"],),
    "awa2_photos": (),
    "cub": (XLSA17["CUB"],),
    "cub_photos": (),
    "digits": (),
    "digits_attributes": (),
    "digits_split": (),
    "folder": (),
    "folder_zeroshot": (),
    "mnist_attributes": (MNIST,),
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
