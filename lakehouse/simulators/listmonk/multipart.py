"""The parts of a multipart/form-data body."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from lakehouse.simulators.call import BadBodyError


@dataclass(frozen=True)
class Part:
    """One field; `filename` is None for one that is no file."""

    content: bytes
    filename: str | None


def parts(content_type: str, body: bytes) -> dict[str, Part]:
    """The fields of a form by name. Raises BadBodyError."""
    kind = Message()
    kind["Content-Type"] = content_type
    boundary = kind.get_param("boundary")
    if kind.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise BadBodyError("request Content-Type isn't multipart/form-data")
    found = {}
    for section in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, separator, content = section.partition(b"\r\n\r\n")
        disposition = HeaderParser().parsestr(head.decode("utf-8", "replace").strip())
        name = disposition.get_param("name", header="content-disposition")
        if not separator or not isinstance(name, str):
            raise BadBodyError("a part of the form has no name")
        found[name] = Part(content, disposition.get_filename())
    return found
