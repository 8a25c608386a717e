"""The feeds of events: what the streaming job writes into bronze is read by silver like what a source delivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from lakehouse.config.column_mapping import ColumnMapping
from lakehouse.config.declaration import Declaration
from lakehouse.config.feeds import Feed
from lakehouse.config.folder import configuration_folder
from lakehouse.config.settings import settings
from lakehouse.config.source_fields import DatasetDeclaration
from lakehouse.config.yaml_file import load_yaml
from lakehouse.contracts import STREAMS
from lakehouse.tables import Layer, TableRef
from lakehouse.utils.sql_text import literal

FILE = "events.yml"
PAYLOAD = "payload"  # the one column that a message delivers


class EventsFile(Declaration):
    """The file events.yml."""

    user_id: Literal["crm_id", "loyalty_id", "email"] | None = Field(
        None, description="what the user_id of an event is; left out, it is nobody's id"
    )
    namespace: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$")] | None = Field(
        None, description="the namespace of the CRM's customers in sources.yml"
    )


def events_file(folder: Path | None = None) -> EventsFile:
    """What is declared about events; nothing when there is no file.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    path = (folder or configuration_folder()) / FILE
    return load_yaml(path, EventsFile) if path.exists() else EventsFile.model_validate({})


def event_feed(dataset: str) -> Feed | None:
    """The feed of a dataset that the streaming job writes; None for every other one. ConfigurationError."""
    if dataset not in STREAMS:
        return None
    declared = events_file()
    return Feed(
        source=dataset,
        dataset=dataset,
        kind="stream",
        load="increment",
        timezone="UTC",
        bronze=TableRef(Layer.BRONZE, dataset),
        landing=settings().landing / dataset,
        origin=None,
        declaration=DatasetDeclaration.model_construct(
            dataset=dataset, load="increment", timezone="UTC", mapping=_mapping(dataset, declared), other_columns="*"
        ),
        owner=dataset,
        namespaces={} if declared.namespace is None else {"customers": declared.namespace},
    )


def _mapping(dataset: str, declared: EventsFile) -> dict[str, ColumnMapping]:
    texts = {name: f"get_json_object({PAYLOAD}, '$.{name}')" for name in STREAMS[dataset].names}
    if declared.user_id is not None:
        texts["reference_type"] = f"case when {texts['user_id']} is not null then {literal(declared.user_id)} end"
        texts["customer_reference"] = texts["user_id"]
    return {column: ColumnMapping(expression=text) for column, text in texts.items()}
