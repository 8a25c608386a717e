"""The Great Expectations context below <home>/quality and its Data Docs site: made on first use, one writer at a
time."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.config.settings import settings
from lakehouse.tables import TableRef
from lakehouse.utils.file_lock import held_lock

if TYPE_CHECKING:
    from great_expectations.data_context import AbstractDataContext

# Pages of older gates are removed: the index names every one of them, and ops.quality_results keeps all findings
# anyway.
GATES_KEPT = 10

_CONFIG = """\
config_version: 4.0
analytics_enabled: false
plugins_directory: plugins/
progress_bars: {{globally: false}}
stores:
  suites:
    class_name: ExpectationsStore
    store_backend: {{class_name: TupleFilesystemStoreBackend, base_directory: suites/}}
  validations:
    class_name: ValidationResultsStore
    store_backend: {{class_name: TupleFilesystemStoreBackend, base_directory: validations/}}
  checkpoints:
    class_name: CheckpointStore
    store_backend:
      class_name: TupleFilesystemStoreBackend
      suppress_store_backend_id: true
      base_directory: checkpoints/
  validation_definition_store:
    class_name: ValidationDefinitionStore
    store_backend: {{class_name: TupleFilesystemStoreBackend, base_directory: validation_definitions/}}
expectations_store_name: suites
validation_results_store_name: validations
checkpoint_store_name: checkpoints
data_docs_sites:
  data_docs:
    class_name: SiteBuilder
    show_how_to_buttons: false
    # relative to this folder, so that a home can be copied and moved
    store_backend: {{class_name: TupleFilesystemStoreBackend, base_directory: "{site}"}}
    site_index_builder:
      class_name: DefaultSiteIndexBuilder
      view: {{module_name: lakehouse.quality.gx.docs_view, class_name: SelfContainedIndexView}}
    site_section_builders:
      expectations:
        class_name: DefaultSiteSectionBuilder
        view: &page {{module_name: lakehouse.quality.gx.docs_view, class_name: SelfContainedPageView}}
      validations: {{class_name: DefaultSiteSectionBuilder, view: *page}}
      profiling: none
"""


def load_great_expectations() -> Any:
    """Great Expectations, imported on first use: it takes seconds."""
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return gx


@contextmanager
def open_context() -> Iterator[AbstractDataContext]:
    """The file context, to ourselves: its files and the site's index are written by one process at a time. Nothing is
    sent to anybody."""
    gx = load_great_expectations()
    root = _root()
    root.parent.mkdir(parents=True, exist_ok=True)
    with held_lock(root.parent / ".lock", wait_seconds=-1):
        _make(root)
        yield gx.get_context(mode="file", context_root_dir=str(root))


def _make(root: Path) -> None:
    """The context's folder, anew where another version of this project made it from another configuration. Nothing is
    lost with it: findings are in ops.quality_results."""
    config, made_from = _CONFIG.format(site=os.path.relpath(site_folder(), root)), root / "made_from.yml"
    if made_from.exists() and made_from.read_text(encoding="utf-8") == config:
        return
    for folder in (root, site_folder()):
        shutil.rmtree(folder, ignore_errors=True)
    root.mkdir(parents=True)
    (root / "great_expectations.yml").write_text(config, encoding="utf-8")  # Great Expectations adds to it
    made_from.write_text(config, encoding="utf-8")


def site_folder() -> Path:
    """Where the pages are; index.html is the first."""
    return settings().docs_site / "data_docs"


def forget_old_gates(table: TableRef) -> None:
    """Make room for one more gate of the table: remove results and pages of all but the newest ones. Each gate is a
    folder named by its run."""
    results = _root() / "validations" / table.layer / table.name
    if not results.is_dir():
        return
    runs = sorted((run for run in results.iterdir() if run.is_dir()), key=lambda run: run.stat().st_mtime, reverse=True)
    for run in runs[GATES_KEPT - 1 :]:
        shutil.rmtree(run)
        pages = site_folder() / "validations" / table.layer / table.name / run.name
        if pages.is_dir():
            shutil.rmtree(pages)


def _root() -> Path:
    return settings().home / "quality" / "gx"
