"""gold.dim_customers: the profiles that campaigns are built from: one per person, complete, with the right spend and no
doubt about consent."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from lakehouse.quality.rules.common import rows_rule, volume_rules
from lakehouse.quality.rules.mart import mart_rules
from lakehouse.quality.rules.rule import Gate, Rule, Severity, Unit
from lakehouse.tables import gold

# Profiles count what was bought before the as-of moment they carry; facts hold all orders, so later ones are
# counted apart.
_PROFILES = """(
    select
        coalesce(sum(total_spend), 0) as spend,
        coalesce(sum(count_orders), 0) as orders,
        count_if(count_orders > 0) as buyers
    from {table}
)"""
_ORDERS = """(
    select
        coalesce(sum(case when is_counted then net_amount end), 0) as order_spend,
        count_if(is_counted) as order_count,
        coalesce(sum(case when not is_counted then net_amount end), 0) as later_spend
    from (
        select orders.net_amount, coalesce(orders.ordered_at < moment.as_of, false) as is_counted
        from {gold.fct_orders} as orders
        cross join (select max(as_of) as as_of from {table}) as moment
    ) as dated
)"""
# An order is dated by its first line, so lines are counted less those of later orders, not by their own time.
_LINES = f"""(
    select lines.line_spend - orders.later_spend as line_spend
    from (
        select coalesce(sum(net_amount), 0) as line_spend from {{silver.transactions}} where not _is_deleted
    ) as lines
    cross join {_ORDERS} as orders
)"""
_PERSONS = """(
    select persons.customer_id as person, profiles.customer_id as profile
    from (select distinct customer_id from {silver.identities}) as persons
    full outer join (select customer_id from {table}) as profiles on persons.customer_id = profiles.customer_id
)"""
_AT_REST = "(checked while silver is what gold was built from)"

GATE = Gate(
    gold("dim_customers"),
    (
        *mart_rules("dim_customers"),
        *volume_rules("dim_customers", is_empty_blocking=True),
        Rule(
            "dim_customers.customer_id.complete",
            f"Every person of silver.identities has a profile, and every profile is a person {_AT_REST}",
            "case when {is_silver_at_rest} then count_if(person is null or profile is null) else 0 end",
            checked="count(*)",
            relation=_PERSONS,
        ),
        Rule(
            "dim_customers.total_spend.orders",
            "The spend of all profiles is, to the cent, the amount of all orders before their as-of time",
            "case when max(spend) <> max(order_spend) then max(buyers) else 0 end",
            value="max(spend) - max(order_spend)",
            minimum=0,
            unit=Unit.AMOUNT,
            relation=f"(select * from {_PROFILES} cross join {_ORDERS})",
            detail="concat('profiles ', cast(max(spend) as string), ', orders ', cast(max(order_spend) as string))",
        ),
        Rule(
            "dim_customers.total_spend.transactions",
            f"The spend of all profiles is, to the cent, the amount of all lines of those orders {_AT_REST}",
            "case when {is_silver_at_rest} and max(spend) <> max(line_spend) then max(buyers) else 0 end",
            value="case when {is_silver_at_rest} then max(spend) - max(line_spend) end",
            minimum=0,
            unit=Unit.AMOUNT,
            relation=f"(select * from {_PROFILES} cross join {_LINES})",
            detail="concat('profiles ', cast(max(spend) as string), ', lines ', cast(max(line_spend) as string))",
        ),
        Rule(
            "dim_customers.count_orders.orders",
            "The profiles count every order of gold.fct_orders before their as-of time once",
            "abs(max(orders) - max(order_count))",
            relation=f"(select * from {_PROFILES} cross join {_ORDERS})",
        ),
        rows_rule(
            "dim_customers.is_mailable.consented",
            "Nobody is mailable without a granted consent and an address: unknown means no",
            "is_mailable and (email is null or not (email_consent_status <=> 'granted'))",
        ),
        rows_rule(
            "dim_customers.last_order_at.order",
            "The last order is not before the first",
            "last_order_at < first_order_at",
        ),
        rows_rule(
            "dim_customers.as_of.current",
            "The profiles are as of this run's as-of time",
            "not (as_of <=> {as_of})",
            Severity.WARNING,
        ),
    ),
)
