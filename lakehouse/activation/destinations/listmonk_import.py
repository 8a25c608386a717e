"""The file of a listmonk import, and what its log says of rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from lakehouse.utils.plain_json import plain_json

_COLUMNS = ("email", "name", "attributes")


def import_file(name: str, rows: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]) -> tuple[bytes, str]:
    """A form with the parameters and a CSV file of rows (email, name, attributes), and its content type."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([row["email"], row["name"], plain_json(row["attributes"]).decode()] for row in rows)
    boundary = uuid4().hex
    parts = (
        ('name="params"', "application/json", plain_json(parameters)),
        (f'name="file"; filename="{name}"', "text/csv", text.getvalue().encode()),
    )
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {what}\r\nContent-Type: {kind}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for what, kind, content in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def reasons_in(log: str, emails: Collection[str]) -> dict[str, str]:
    """Why rows of some addresses were skipped: `skipping line 3: anna@example.com: Invalid email`."""
    wanted, found = set(emails), {}
    for line in log.splitlines():
        _, is_skipped, said = line.partition("skipping line ")
        parts = said.split(": ", 2)
        if is_skipped and len(parts) == 3 and parts[1].lower() in wanted:
            found[parts[1].lower()] = parts[2]
    return found
