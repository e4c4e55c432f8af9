import pytest


@pytest.fixture(autouse=True)
def any_file_will_do(request, monkeypatch):
    """Small files of the published formats, whose checksums are not those of the published ones."""
    if "published" not in request.fixturenames:
        monkeypatch.setattr("translearn.data.files.download.refuse_changed", lambda *_: None)


@pytest.fixture
def published():
    """Files have to be what their checksums say."""
