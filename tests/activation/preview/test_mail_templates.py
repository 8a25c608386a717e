"""Mail templates: names are checked when the file is read, values are escaped, an empty value needs a fallback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakehouse.activation.campaigns.declared import load_campaigns
from lakehouse.activation.preview.mail_templates import MailTemplate, read_template, template_of, values_of
from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.errors import ConfigurationError

HEADER = "---\nsubject: Hello {{ first_name | default: 'you' }}\n---\n"
NAMES = ("first_name", "spend")


def template(tmp_path: Path, text: str) -> MailTemplate:
    path = tmp_path / "thanks.liquid"
    path.write_text(text, encoding="utf-8")
    found = read_template(path)
    found.check(NAMES)
    return found


def render(tmp_path: Path, body: str, **values: Any) -> str:
    return template(tmp_path, HEADER + body).render(values).html


def test_a_mail_has_a_subject_and_a_body(tmp_path: Path) -> None:
    mail = template(tmp_path, HEADER + "<p>{{ first_name }}</p>\n").render({"first_name": "Ada"})
    assert (mail.subject, mail.html) == ("Hello Ada", "<p>Ada</p>\n")


@pytest.mark.parametrize(
    ("body", "values", "expected"),
    [
        ("{{ first_name | default: 'friend' }}", {"first_name": None}, "friend"),
        ("{{ first_name | default: 'friend' }}", {}, "friend"),
        ("{{ first_name | default: 'friend' }}", {"first_name": ""}, "friend"),
        ("{% if first_name %}Dear {{ first_name }}{% else %}Dear customer{% endif %}", {}, "Dear customer"),
        ("{% assign x = first_name | default: 'you' %}{{ x | upcase }}", {}, "YOU"),
        ("{{ spend | round: 1 }}", {"spend": 12.34}, "12.3"),
    ],
)
def test_what_is_empty_has_a_fallback(tmp_path: Path, body: str, values: dict[str, Any], expected: str) -> None:
    assert render(tmp_path, body, **values) == expected


@pytest.mark.parametrize("body", ["\n\n{{ first_name }}", "\n\n{{ first_name | upcase }}"])
def test_an_empty_value_without_fallback_is_refused_with_its_line(tmp_path: Path, body: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        render(tmp_path, body, first_name=None)
    assert refused.value.line == 6
    assert "'first_name' is empty for a recipient and has no fallback" in refused.value.what
    assert 'default: "..."' in refused.value.remedy


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (HEADER + "\n{{ frist_name }}", 5, "the campaign has no attribute 'frist_name'"),
        (HEADER + "{% if nobody %}{% endif %}", 4, "the campaign has no attribute 'nobody'"),
        ("---\nsubject: {{ nobody }}\n---\n", 2, "the campaign has no attribute 'nobody'"),
        ("---\n\nsubject: {{ first_name \n---\n", 3, "found end of file"),
        (HEADER + "{% if %}", 4, "missing expression"),
        (HEADER + "\n\n{{ first_name | shout }}", 6, "there is no filter 'shout'"),
        (HEADER + "{{ first_name | safe }}", 4, "there is no filter 'safe'"),
        (HEADER + "{% include 'other' %}", 4, "include"),
        (HEADER + "{% render 'other' %}", 4, "render"),
        ("<p>no header</p>", 1, "does not begin with a header"),
        ("---\nfrom: me\n---\n", 2, "'from' does not belong into the header"),
        ("---\nsubject:\n---\n", 1, "the header has no subject"),
        (HEADER + "x" * 500_000, None, "500,057 characters"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)
def test_a_template_that_is_not_valid_is_refused_when_it_is_read(
    tmp_path: Path, text: str, line: int | None, problem: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        template(tmp_path, text)
    assert problem in refused.value.what
    assert (refused.value.file, refused.value.line) == (str(tmp_path / "thanks.liquid"), line)


def test_an_unknown_name_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Expected: one of first_name, spend"):
        template(tmp_path, HEADER + "{{ nobody }}")


HOSTILE = "<script>alert('x')</script>{{ spend }}{% raw %}\"&"


@pytest.mark.parametrize(
    "form", ["{{ first_name }}", "{{ first_name | default: '<b>' }}", "<a title='{{ first_name }}'>"]
)
def test_values_stay_text(tmp_path: Path, form: str) -> None:
    html = render(tmp_path, form, first_name=HOSTILE, spend=1)
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;{{ spend }}{% raw %}&#34;&amp;" in html


def test_an_error_of_python_in_a_filter_is_one_of_the_template(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"thanks.liquid:4: it cannot be rendered") as refused:
        render(tmp_path, "{{ spend | times: 2 | round: first_name }}", spend=2, first_name="Jane" * 10**4)
    assert "Jane" not in str(refused.value)


def test_a_subject_is_one_line_of_plain_text(tmp_path: Path) -> None:
    mail = template(tmp_path, HEADER).render({"first_name": "O'Neil\r\nBcc: <all@example.com>"})
    assert mail.subject == "Hello O'Neil Bcc: <all@example.com>"


@pytest.mark.parametrize(
    "body",
    [
        "{% for i in (1..100000) %}{% for j in (1..100000) %}{% endfor %}{% endfor %}",
        "{% for i in (1..9999) %}{{ first_name }}{% endfor %}",
        "{% assign x = first_name %}{% for i in (1..99) %}{% assign x = x | append: x %}{% endfor %}",
        "{{ first_name | divided_by: 0 }}",
    ],
)
def test_a_template_has_limits_and_its_error_tells_no_value(tmp_path: Path, body: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be rendered") as refused:
        render(tmp_path, body, first_name="Jane" * 100)
    assert refused.value.line == 4
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize("campaign_id", ["lapsing_high_value_offer", "champions_thank_you"])
def test_the_shipped_templates_render_with_and_without_values(campaign_id: str) -> None:
    campaign = load_campaigns(folder=PROJECT_ROOT / "conf")[campaign_id]
    found = template_of(campaign, PROJECT_ROOT / "conf")
    assert found is not None
    for value in (None, "Ada"):
        payload = {"customer_id": "c1", "email": "a@example.com"}
        attributes = {field.name: value for field in campaign.fields}
        mail = found.render(values_of(campaign, payload | {"attributes": attributes}))
        assert "a@example.com" in mail.html
        assert ("Ada" in mail.html and "Ada" in mail.subject) is (value is not None)
