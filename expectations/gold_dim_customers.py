"""gold.dim_customers: the profiles that campaigns are built from: one per person, complete, with the right spend and no
doubt about consent."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from lakehouse.quality.rules.common import rows_rule, volume_rules
from lakehouse.quality.rules.mart import mart_rules
from lakehouse.quality.rules.rule import Gate, Rule, Severity, Unit
from lakehouse.tables import gold

# Profiles count what happened before the as-of moment they carry. Those with several currencies have no total: for them
# gold.customer_spend has it. Guests have no profile.
_PROFILES = """(
    select profiles.orders, profiles.buyers, profiles.spend + several.spend as spend
    from (
        select
            coalesce(sum(total_spend), 0) as spend,
            coalesce(sum(count_orders), 0) as orders,
            greatest(count_if(count_orders > 0), 1) as buyers
        from {table}
    ) as profiles
    cross join (
        select coalesce(sum(spent.total_spend), 0) as spend
        from {gold.customer_spend} as spent
        left semi join (select customer_id from {table} where total_spend is null) as without
            on spent.customer_id = without.customer_id
    ) as several
)"""
# Of an order that went on after the as-of moment, some lines count and some do not: then orders are not compared.
_ORDERS = """(
    select
        coalesce(sum(orders.net_amount), 0) as order_spend,
        count_if(orders.is_order) as order_count,
        count_if(orders.last_line_at >= moment.as_of) as going_on
    from {gold.fct_orders} as orders
    cross join (select max(as_of) as as_of from {table}) as moment
    where orders.customer_id is not null and orders.ordered_at < moment.as_of
)"""
# Orders are rounded to cents: by at most half a cent for each line that has more decimals.
_LINES = """(
    select
        coalesce(sum(lines.net_amount * case when lines.quantity < 0 and lines.net_amount > 0 then -1 else 1 end), 0)
            as line_spend,
        0.005 * count_if(lines.net_amount <> cast(lines.net_amount as decimal(18, 2))) as rounded
    from {silver.transactions} as lines
    cross join (select max(as_of) as as_of from {table}) as moment
    where not lines._is_deleted and lines.customer_reference is not null and lines.occurred_at < moment.as_of
)"""
_PERSONS = """(
    select persons.customer_id as person, profiles.customer_id as profile
    from (select distinct customer_id from {silver.identities}) as persons
    full outer join (select customer_id from {table}) as profiles on persons.customer_id = profiles.customer_id
)"""
_LINES_DIFFER = "{is_silver_at_rest} and abs(max(spend) - max(line_spend)) > max(rounded)"
_AT_REST = "(checked while silver is what gold was built from)"

GATE = Gate(
    gold("dim_customers"),
    (
        *mart_rules("dim_customers"),
        *volume_rules("dim_customers", is_empty_blocking=True, is_derived=True),
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
            "case when max(going_on) = 0 and max(spend) <> max(order_spend) then max(buyers) else 0 end",
            value="case when max(going_on) = 0 then max(spend) - max(order_spend) end",
            minimum=0,
            unit=Unit.AMOUNT,
            relation=f"(select * from {_PROFILES} cross join {_ORDERS})",
            detail="concat('profiles ', cast(max(spend) as string), ', orders ', cast(max(order_spend) as string))",
        ),
        Rule(
            "dim_customers.total_spend.transactions",
            f"The spend of all profiles is, to the cent, the amount of all lines before their as-of time {_AT_REST}",
            f"case when {_LINES_DIFFER} then max(buyers) else 0 end",
            value=f"case when {_LINES_DIFFER} then max(spend) - max(line_spend) when {{is_silver_at_rest}} then 0 end",
            minimum=0,
            unit=Unit.AMOUNT,
            relation=f"(select * from {_PROFILES} cross join {_LINES})",
            detail="concat('profiles ', cast(max(spend) as string), ', lines ', cast(max(line_spend) as string))",
        ),
        Rule(
            "dim_customers.count_orders.orders",
            "The profiles count every order of gold.fct_orders before their as-of time once",
            "case when max(going_on) = 0 then abs(max(orders) - max(order_count)) else 0 end",
            relation=f"(select * from {_PROFILES} cross join {_ORDERS})",
        ),
        rows_rule(
            "dim_customers.rfm_segment.ranked",
            "Everybody with an order has RFM scores: fifths of fewer than five customers there are not",
            "rfm_segment = 'not_ranked'",
            Severity.WARNING,
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
