"""Samples that the tests look at: a full clean one, two copies of a part of it, and a dirty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.sample import SampleManifest, build

PART = 200


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleManifest]:
    folder = tmp_path_factory.mktemp("full") / "sample"
    return folder, build(folder)


@pytest.fixture(scope="session")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleManifest]:
    folder = tmp_path_factory.mktemp("twice") / "sample"
    return folder, build(folder, scale=2, households=PART)


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleManifest]:
    folder = tmp_path_factory.mktemp("dirty") / "sample"
    return folder, build(folder, dirty=True, households=PART)
