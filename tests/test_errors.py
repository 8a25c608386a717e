"""What several errors at once say."""

from __future__ import annotations

from lakehouse.errors import ContractError, SourceUnavailableError, TransientError, all_in_one


def test_each_problem_stands_with_its_own_remedy() -> None:
    gone, unfit = (
        SourceUnavailableError("crm", "gone", "Wait."),
        ContractError("products", "a column is gone", "Mend it."),
    )
    assert str(all_in_one("products", [gone, unfit])) == (
        "2 sources of products failed. source crm: gone. Wait. | dataset products: a column is gone. Mend it."
    )


def test_several_errors_are_worth_a_retry_when_all_of_them_are() -> None:
    gone, unfit = (
        SourceUnavailableError("crm", "gone", "Wait."),
        ContractError("products", "a column is gone", "Mend it."),
    )
    assert isinstance(all_in_one("products", [gone, gone]), TransientError)
    assert not isinstance(all_in_one("products", [gone, unfit]), TransientError)
    assert all_in_one("products", [unfit]) is unfit
