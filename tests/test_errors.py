"""The message of several errors at once."""

from __future__ import annotations

from lakehouse.errors import ContractError, SourceUnavailableError, TransientError, combined_error


def test_each_problem_has_its_own_remedy() -> None:
    gone, unfit = (
        SourceUnavailableError("crm", "gone", "Wait."),
        ContractError("products", "a column is gone", "Fix it."),
    )
    assert str(combined_error("sources of products", [gone, unfit])) == (
        "2 sources of products failed. source crm: gone. Wait. | dataset products: a column is gone. Fix it."
    )


def test_several_errors_are_transient_if_all_of_them_are() -> None:
    gone, unfit = (
        SourceUnavailableError("crm", "gone", "Wait."),
        ContractError("products", "a column is gone", "Fix it."),
    )
    assert isinstance(combined_error("sources of products", [gone, gone]), TransientError)
    assert not isinstance(combined_error("sources of products", [gone, unfit]), TransientError)
    assert combined_error("sources of products", [unfit]) is unfit
