"""Answers as Iterable writes them: an object with msg, code and params, or the result of a bulk update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.simulators.call import Answer, Call
from lakehouse.simulators.iterable.fields import Fields, Json, TypesMismatchedError
from lakehouse.simulators.iterable.project import FailedUpdateError, identity_of

KINDS = ("invalid", "invalidData", "conflict", "forgotten", "notFound")
_ABOUT_ONE = {
    "invalid": (400, "InvalidEmailAddressError"),
    "invalidData": (400, "BadParams"),
    "conflict": (409, "ExternalKeyConflict"),
    "forgotten": (409, "ForgottenUserError"),
    "notFound": (400, "UnknownEmailError"),
}


def said(status: int, code: str, message: str, params: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer that is no result."""
    return Answer(status, {"msg": message, "code": code, "params": params}, headers or {})


def bulk(call: Call, fields: Fields, users: list[Json], change: Callable[[Json], object]) -> Answer:
    """Apply a change to all users of a request, and report who failed; when a type is wrong, to nobody.

    `change` raises FailedUpdateError. The reason of the scripted fault row_errors is one of KINDS, or means
    invalidData: the platform has no other words for it.
    """
    profiles = [given for user in users if isinstance(given := user.get("dataFields"), dict)]
    new = sorted({name for profile in profiles for name in fields.unknown(profile)})
    try:
        fields.check(profiles)
    except TypesMismatchedError as error:
        message = "The request does not have the same data types as the project"
        return said(400, "RequestFieldsTypesMismatched", message, {"validationErrors": error.errors})
    failed: dict[str, list[str]] = {f"{kind}{of}": [] for kind in KINDS for of in ("Emails", "UserIds")}
    values: dict[str, list[str]] = {"email": [], "userId": []}
    for position, user in enumerate(users):
        try:
            email, user_id = identity_of(user)
            fault = call.row_fault(position, user_id or email)
            if fault is None:
                change(user)
            elif fault.reason is not None:
                kind = fault.reason if fault.reason in KINDS else "invalidData"
                raise FailedUpdateError(kind, "userId" if user_id else "email", user_id or email)
        except FailedUpdateError as error:
            failed[error.list].append(error.value)
            values[error.identity].append(error.value)
    count_failed = sum(map(len, failed.values()))
    created = [name for name in new if name in fields.types]
    return Answer(
        200,
        {
            "successCount": len(users) - count_failed,
            "failCount": count_failed,
            "invalidEmails": values["email"],
            "invalidUserIds": values["userId"],
            "filteredOutFields": [name for name in new if name not in created],
            "createdFields": created,
            "failedUpdates": failed,
        },
    )


def single(result: Answer) -> Answer:
    """The answer to a call about one user, made of that to a bulk update with one."""
    if result.status != 200:
        return result
    failed = result.body["failedUpdates"]
    kind = next((kind for kind in KINDS if failed[f"{kind}Emails"] or failed[f"{kind}UserIds"]), None)
    if kind is None:
        return said(200, "Success", "User updated")
    status, code = _ABOUT_ONE[kind]
    return said(status, code, f"the user is not updated: {kind}")
