"""Expressions that people write: what is safe passes, names become features and tags, all else is refused."""

from __future__ import annotations

import pytest

from modelspan_collector.store.expression import ExpressionError, compiled, literal


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("amount > 1000 AND country IN ('DE', 'FR')", ("amount", "country")),
        ("`net amount` / feature.items > 3 or tag.shop = 'app'", ("net amount", "items", "shop")),
        ("numeric_features['age'] > 3 and mapContains(tags, 'plan')", ("age", "plan")),
        ("value > 0.5 AND label != 'no'", ()),
        ("case when plan is null then 1 else 0 end = 1", ("plan",)),
        ("not (amount between 1 and 2) and lower(city) like 'b%'", ("amount", "city")),
        ("tags['l''été'] = 'Côte d''Ivoire' and city in ('', '''')", ("l'été", "city")),
    ],
)
def test_names_that_are_no_columns_are_features_and_tags(expression: str, names: tuple[str, ...]) -> None:
    """Each once, in their order."""
    assert compiled(expression).names == names


@pytest.mark.parametrize(
    ("expression", "as_text"),
    [
        ("plan = 'pro'", True),
        ("'pro' = plan", True),
        ("plan NOT IN ('pro', 'free')", True),
        ("plan IS NOT NULL", True),
        ("length(plan) > 3", True),
        ("age > -3", False),
        ("age IN (1, 2)", False),
        ("3 < age", False),
        ("age + 1 > 3", False),
    ],
)
def test_what_a_name_is_compared_with_says_how_it_is_read(expression: str, *, as_text: bool) -> None:
    """As a text, or as a number."""
    assert ("categorical_features" in compiled(expression).sql) is as_text


@pytest.mark.parametrize(
    "expression",
    [
        "", "1)", "(1", "1; DROP TABLE predictions", "1 -- comment", "1 /* comment */", "(SELECT 1)", "sleep(3)",
        "file('x')", "a.b", "count()", "{model:String}", "`a`(1)", "'open", "x ? 1 : 2", "system.tables",
    ],
)  # fmt: skip
def test_nothing_else_passes(expression: str) -> None:
    """No statement, comment, subquery, parameter, or call of a function that is not listed; the message says why."""
    with pytest.raises(ExpressionError):
        compiled(expression)


@pytest.mark.parametrize(
    ("expression", "as_number"),
    [
        ("label = 1", True),
        ("1 = label", True),
        ("label IN (1, 2)", True),
        ("label = '1'", False),
        ("label = plan", False),
    ],
)
def test_a_class_is_a_number_beside_a_number(expression: str, *, as_number: bool) -> None:
    """As classes that are whole numbers are written."""
    assert ("toFloat64OrNull(label)" in compiled(expression).sql) is as_number


def test_what_is_no_number_fails_nothing() -> None:
    """The engine's own `toFloat64` would end the query at the first such row."""
    assert compiled("(toFloat64((label)) + 1) > 2").sql == "( accurateCastOrNull ( ( label ) , 'Float64') + 1 ) > 2"


def test_aggregates_are_for_many_rows_only() -> None:
    """`sum` is a function of a metric, and a feature of that name elsewhere."""
    assert compiled("sum(amount) / count()", aggregates=True).aggregates
    assert not compiled("amount", aggregates=True).aggregates
    assert compiled("sum > 3").names == ("sum",)


@pytest.mark.parametrize("text", ["{a:String}", "50 %", "it's", "back\\slash", r"\{x}"])
def test_texts_hold_no_parameters(text: str) -> None:
    """What a query's parameters are found by is written otherwise."""
    assert not set(literal(text)) & set("{}%")


ROWS = ("value", "items", "outputs", "true_value")


def test_parts_of_answers_are_read_where_rows_have_them() -> None:
    """A number by its name is NULL where an answer has none, and is no feature."""
    found = compiled("avg(output('p10') - true_value) + avg(length(items))", columns=ROWS, aggregates=True)
    assert found.sql.startswith("avg ( if(empty(outputs['p10']), NULL, outputs['p10'][1]) - true_value )")
    assert found.names == ()
    assert compiled("feature.items > 3", columns=ROWS).names == ("items",)


@pytest.mark.parametrize("expression", ["length(items) > 3", "outputs['p10'][1] > 3", "output('p10') > 3"])
def test_where_rows_do_not_have_them_no_feature_is_read_for_them(expression: str) -> None:
    """A slice by the items of answers would be empty in every window, without a word."""
    with pytest.raises(ExpressionError, match="cannot"):
        compiled(expression, what="a slice")
