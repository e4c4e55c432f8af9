"""Published sets of vectors and signals: their files and checksums. Imports no torch."""

from translearn.data.files.download import DataSet, Resource

# sha256 of {domain}_train.svmlight and {domain}_test.svmlight, computed from a copy of the files
# in the repository of the DANN paper's authors.
AMAZON_SHA256 = {
    "books": ("317f9a2ec34b81de770b63a84d8c5cc2dc16bd0be6e079d2ff5b5bad5213ea19",
              "fe4605c7dcf0e0a9410fd2a32f247caaf9abb352cc6e4c3e0f400853163ad9c4"),
    "dvd": ("95f602aa08bf6b55758f7b0b18df3882fe30acb11987ee60b6b4bb3c44cba733",
            "4fe1b1a15010f78d8d0c49fe362d35fd4677463a45f1ac02a9f410ae1e638060"),
    "electronics": ("7d0061f03ff3827e4f8036b051b5e5828fddc0cd115aa5b212cd28d624dc14e4",
                    "641783bc941839c3a111d3488a1b7e3bd820a61ec14a129e7429b47703aa961d"),
    "kitchen": ("a70b5ebfe1413e0e16280360905f5c3b64389c435cd20c0165dc9d7f293b31b5",
                "e1502b97a824eb12314be4447394fa736fecb781c0724e6529cd6733ac7ff6d8"),
}  # fmt: skip


AMAZON_REVIEWS = DataSet(
    name="amazon_reviews",
    title="Amazon reviews of four domains, 5000 counts of words, to be brought by you",
    resources=tuple(
        Resource(f"amazon_reviews/{domain}_{split}.svmlight", sha256=sha256, unverified="")
        for domain, both in AMAZON_SHA256.items()
        for split, sha256 in zip(("train", "test"), both, strict=True)
    ),
    by_hand="the files {books,dvd,electronics,kitchen}_{train,test}.svmlight of the DANN authors "
    "(github.com/GRAAL-Research/domain_adversarial_neural_network) in amazon_reviews",
)


# sha256 of each file, computed from a copy of the usual ones.
SURF_SHA256 = {
    "amazon": "df32548b994e18d364c99e1f317e1fae100597259f0423a41b90f4f68187bb1f",
    "caltech10": "4f9334c8ced489d5054de97a5fd51a61f017f3bcd1f38c9a85c6d78cb9d7bda5",
    "dslr": "44d673c68e1d07b837893aa74dba3b986e4a6cc3fd66f0dd357683bdef059216",
    "webcam": "a6a9c78b4b7181dfbb58bcfd351d4ebd737f171c31247b8884948aa156d3f700",
}


OFFICE_CALTECH10 = DataSet(
    name="office_caltech10",
    title="Office-Caltech10, SURF histograms of 10 classes in four domains, to be brought by you",
    resources=tuple(
        Resource(f"office_caltech10/{domain}.mat", sha256=sha256, unverified="")
        for domain, sha256 in SURF_SHA256.items()
    ),
    by_hand="the files {amazon,caltech10,dslr,webcam}.mat with fts and labels (Gong et al. 2012) "
    "in office_caltech10",
)


# The subjects of AdaTime's ten scenarios.
HAR_SUBJECTS = (2, 5, 6, 7, 8, 9, 11, 12, 13, 16, 18, 20, 23, 24, 27, 28, 30)
WISDM_SUBJECTS = (2, 4, 5, 6, 7, 11, 12, 17, 18, 19, 20, 23, 26, 28, 30, 31, 32, 33, 35)


def by_subject(name: str, folder: str, subjects: tuple[int, ...], title: str) -> DataSet:
    """A set of AdaTime, a training and a test file for each subject."""
    return DataSet(
        name=name,
        title=title,
        resources=tuple(
            Resource(f"{folder}/{split}_{subject}.npz", unverified="content (no checksums)")
            for subject in subjects
            for split in ("train", "test")
        ),
        by_hand=f"AdaTime's files of each subject (Ragab et al. 2023) in {folder}, as "
        "{train,test}_<subject>.npz with the arrays samples and labels",
    )


HAR = by_subject(
    "har", "HAR", HAR_SUBJECTS,
    "UCI-HAR by subject, 9 channels of 128 values, 6 activities, to be brought by you",
)  # fmt: skip


WISDM = by_subject(
    "wisdm", "WISDM", WISDM_SUBJECTS,
    "WISDM by subject, 3 channels of 128 values, 6 activities, to be brought by you",
)  # fmt: skip


NUMBER_SETS = (AMAZON_REVIEWS, OFFICE_CALTECH10, HAR, WISDM)
