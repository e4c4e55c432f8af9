"""Office-31: 31 classes of office objects in three domains, 4110 photos.

Saenko, Kulis, Fritz and Darrell, "Adapting visual category models to new domains", 2010.
"""

import logging

from translearn.data.files.download import data_root, missing
from translearn.data.files.images import OnBad
from translearn.data.files.pixels import AlphaName
from translearn.data.sets.catalog import OFFICE31, OFFICE31_DOMAINS
from translearn.data.sets.folder import MAX_PIXELS, check_crop, labelled_split, reading_of
from translearn.data.sets.layouts import Layout, find_images
from translearn.data.types import Kind, Reader, Samples
from translearn.errors import ConfigError, nearest
from translearn.ranges import Count, Edge

log = logging.getLogger(__name__)


class Office31(Reader):
    """One domain of Office-31, read from ``office31/<domain>/images/<class>/*.jpg``.

    No split is published. Images are decoded later.

    Args:
        domain: amazon, dslr or webcam.
        root: the data root folder.
        size: edge of the decoded square image.
        crop: edge of the network's input, cropped out of it.
        alpha, max_pixels, on_bad: as of ``ImageFolder``.

    Raises:
        ConfigError: there is no such domain, or the crop is larger than the image.
    """

    needs = (OFFICE31,)

    def __init__(
        self,
        domain: str = "webcam",
        root: str = "",
        size: Edge = 256,
        crop: Edge = 224,
        alpha: AlphaName = "white",
        max_pixels: Count = MAX_PIXELS,
        on_bad: OnBad = "error",
    ) -> None:
        if domain not in OFFICE31_DOMAINS:
            raise ConfigError(
                f"data.domain={domain} does not exist{nearest(str(domain), OFFICE31_DOMAINS)}"
            )
        check_crop(size, crop)
        self.domain, self.root, self.size, self.crop = domain, data_root(root), size, crop
        self.reading = reading_of(alpha, max_pixels, on_bad)

    def read(self) -> Samples:
        """List the files in the order of their names.

        Raises:
            DataError: the folder is missing, or a class has no images.
        """
        folder = self.root / "office31" / self.domain / "images"
        if not folder.is_dir():
            absent = [r for r in OFFICE31.resources if r.path.split("/")[1] == self.domain]
            raise missing(OFFICE31, self.root, absent)
        found = find_images(folder, Layout.classes).labelled()
        everything = labelled_split(folder, found.rows, found.classes, self.size, self.reading)
        published = OFFICE31_DOMAINS[self.domain][0]
        if len(everything) != published:
            log.warning(
                "%s has %d images and the published %s has %d: the figures cannot be compared",
                folder, len(everything), self.domain, published,
            )  # fmt: skip
        shape = (3, self.crop, self.crop)
        return Samples(self.domain, found.classes, everything, None, Kind.image, shape, "split",
                       listing=found.listing)  # fmt: skip
