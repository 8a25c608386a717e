"""The outbox holds addresses: it is for its owner only."""

from __future__ import annotations

from tests.activation.conftest import Shop


def test_files_with_addresses_are_private(shop: Shop) -> None:
    shop.export()
    outbox = shop.home / "outbox"
    (receipt,) = shop.receipts()
    expected = {"manifest.json", "receipt.json", "batches"}
    assert {path.name for path in (outbox / "outbox/thanks" / receipt["export_id"]).iterdir()} == expected
    open_to_others = [
        path for path in (outbox, *outbox.rglob("*")) if path.stat().st_mode & 0o077 and path.name != ".lock"
    ]  # the lock is empty
    assert open_to_others == []


def test_folders_that_were_open_to_others_are_closed(shop: Shop) -> None:
    folder = shop.home / "outbox/outbox/thanks"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    shop.export()
    assert [place.stat().st_mode & 0o777 for place in (folder, folder.parent, folder.parent.parent)] == [0o700] * 3
