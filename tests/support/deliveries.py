"""A rich sample in two deliveries: dumps with defects, then what is late, new, corrected, deleted or repaired."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import yaml

from lakehouse.config.settings import PROJECT_ROOT
from tests.support.homes import Home

HOUSEHOLDS = 100  # the fewest in which every kind of defect finds a place
LATER = "2018-01-01 12:00:00"
# Days of the shop that the first delivery lacks: some in spring, which come late, and the last ones.
HELD_BACK = ("2017-03-0[1-5]*.csv", "2017-12-2*.csv", "2017-12-3*.csv", "2018-*.csv")
DELETED, RENAMED, MERGED, WITHDRAWN = "20", "69", "47", "8"  # contacts
_WORDS = (
    "case event when 'opt_in' then 'granted' when 'OPT-IN!' then 'granted'"
    " when 'unsubscribe' then 'withdrawn' else event end"
)


def deliver_first(home: Home) -> None:
    """Build the sample with its defects, without most of the products that nobody buys, and put the days aside that
    the second delivery brings."""
    home.lakehouse("sample", "build", "--households", str(HOUSEHOLDS), "--dirty")
    shop = _shop(home)
    _thin_out_products(home.path / "sample" / "crm" / "products.csv", shop)
    (home.path / "held_back").mkdir()
    for path in [path for pattern in HELD_BACK for path in shop.glob(pattern)]:
        path.rename(home.path / "held_back" / path.name)


def deliver_second(home: Home) -> dict[str, str]:
    """Deliver the days that were put aside and changes of every dataset, and accept a word that was rejected before.

    Returns the environment in which the repaired sources.yml counts.
    """
    crm, shop = home.path / "sample" / "crm", _shop(home)
    for path in (home.path / "held_back").iterdir():
        path.rename(shop / path.name)
    _correct_lines(shop)
    _change_contacts(crm / "contacts.jsonl")
    _change_products(crm / "products.csv")
    _append(crm / "consents.csv", f"{WITHDRAWN};email;marketing;unsubscribe;{LATER};web")
    _append(crm / "campaigns.csv", '1,"Type B, 2017-03, no. 1",Type B,2017-03-03 00:00:00,2017-12-31 00:00:00')
    _append(crm / "campaign_members.csv", f"1,{RENAMED}")
    _append(crm / "redemptions.csv", f"R-late,{RENAMED},53000012033,1,2017-12-24")
    return {"LAKEHOUSE_CONF": str(_repaired_conf(home.path / "repaired_conf"))}


def _shop(home: Home) -> Path:
    return home.path / "sample" / "shop" / "transactions"


def _thin_out_products(dump: Path, shop: Path) -> None:
    """Keep every product that is bought, every line with a defect, and one in a hundred of the others."""
    receipts = (path.read_text(encoding="utf-8", errors="replace") for path in shop.glob("*.csv"))
    bought = {field for text in receipts for line in text.splitlines() for field in line.split(",")[4:5]}
    header, *lines = dump.read_text(encoding="utf-8").splitlines()
    ids = [line.split(",", 1)[0] for line in lines]
    times = Counter(ids)
    kept = [
        line
        for line, product in zip(lines, ids, strict=True)
        if not product.isdigit() or product in bought or times[product] > 1 or product.endswith("00")
    ]
    dump.write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as dump:
        dump.write(line + "\n")


def _correct_lines(shop: Path) -> None:
    """Lines of a day whose amount was wrong, and one that was somebody else's."""
    header, *lines = (shop / "2017-06-15.csv").read_text(encoding="utf-8").splitlines()
    names = header.split(",")
    corrected = [dict(zip(names, line.split(","), strict=True)) for line in lines[:5]]
    for number, row in enumerate(corrected):
        row |= {"sales_value": f"{number}.99", "exported_at": LATER}
    corrected[-1] |= {"ref_type": "crm_id", "customer_ref": RENAMED}
    text = "\n".join([header, *(",".join(row[name] for name in names) for row in corrected)])
    (shop / "2018-01-01_corrections.csv").write_text(text + "\n", encoding="utf-8")


def _change_contacts(dump: Path) -> None:
    """The next snapshot: one contact is gone, one has another name, and two turn out to be one person."""
    contacts = [json.loads(line) for line in dump.read_text(encoding="utf-8").splitlines()]
    address = next(contact["email"] for contact in contacts if contact["id"] == WITHDRAWN)
    news = {RENAMED: {"first_name": "Renamed"}, MERGED: {"email": address}}
    for contact in contacts:
        if contact["id"] in news:
            contact |= news[contact["id"]] | {"modified": "2018-01-01T12:00:00Z"}
    kept = [json.dumps(contact) for contact in contacts if contact["id"] != DELETED]
    dump.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _change_products(dump: Path) -> None:
    """The next snapshot: the first product is gone, and whatever was soup is broth."""
    header, _, *lines = dump.read_text(encoding="utf-8").splitlines()
    dump.write_text(
        "\n".join([header, *(line.replace(",SOUP,", ",BROTH,") for line in lines)]) + "\n", encoding="utf-8"
    )


def _repaired_conf(conf: Path) -> Path:
    """The project's conf with a mapping that knows one of the two words that it rejects."""
    shutil.copytree(PROJECT_ROOT / "conf", conf)
    declared = yaml.safe_load((conf / "sources.yml").read_text(encoding="utf-8"))
    declared["sources"]["crm"]["datasets"]["consents"]["mapping"]["status"] = {"expression": _WORDS}
    (conf / "sources.yml").write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")
    return conf
