-- What changed in vendor-dependence between two moments, and why (docs/semantics.md, rules 46 to 49). Every block makes a
-- temporary table that the next ones read, or is a question about them.
--
-- measure         quantity or amount
-- derives         whether amounts of receipts and returns without one are derived (rule 30): true or false
-- before, after   positions of the events that a fact is taken from at the two moments; null: there is none

-- name: counted-before
-- Whether a fact counts at the moment before.
counts(position, known_on, ends_on, $before_effective_on, $before_known_on, $before_position)

-- name: counted-after
-- Whether it counts at the moment after.
counts(position, known_on, ends_on, $after_effective_on, $after_known_on, $after_position)

-- name: gone
-- What is taken back after; already: before, too.
create or replace temp table gone as
select
    retracts,
    min(position) as retraction,
    bool_or(was_known(position, known_on, $before_known_on, $before_position)) as already
from retraction
where was_known(position, known_on, $after_known_on, $after_position)
group by retracts

-- name: replaced
-- Facts that are taken from another event after than before, of the kinds that the question looks at.
create or replace temp table replaced as
with fact as (
    select 'parent' as kind, organization::bigint as subject, position, ends_on, known_on
    from organization_fact
    where says_parent
    union all
    select 'country', organization, position, ends_on, known_on from organization_fact where country is not null
    union all
    select 'maker', product, position, ends_on, known_on from product_fact where says_maker
    union all
    select 'category', product, position, ends_on, known_on from product_fact where category is not null
    union all
    select 'attribute', product, position, ends_on, known_on from product_attribute where attribute = $attribute
    union all
    select 'label', product, position, ends_on, known_on from product_attribute where attribute = $label
    union all
    select distinct 'allocation', placed_position, position, ends_on, known_on
    from order_allocated
    where basis & $excluded = 0
)
select
    kind,
    subject,
    arg_max(position, (said_on, known_on, position)) filter (was) as before,
    arg_max(position, (said_on, known_on, position)) filter (now) as after
from (
    select kind, subject, position, said_on, known_on, {counted-before} as was, {counted-after} as now
    from (
        -- What a record stands for, it stands for on all days.
        select
            'same_as' as kind, organization::bigint as subject, position, ends_on as said_on, known_on,
            '-infinity'::date as ends_on
        from organization_fact
        where says_same
        union all
        select kind, subject, position, ends_on, known_on, ends_on
        from fact
    ) as fact
    where kind in (select unnest($kinds::varchar[]))
) as fact
group by kind, subject
having before is distinct from after

-- name: rejoined
-- Records that stand for another organisation after than before; their own number: for themselves.
create or replace temp table rejoined as
select
    coalesce(earlier.record, later.record) as record,
    coalesce(earlier.organization, later.record) as before,
    coalesce(later.organization, earlier.record) as after
from records_as_of($before_known_on, $before_position) as earlier
full join records_as_of($after_known_on, $after_position) as later on later.record = earlier.record
where earlier.organization is distinct from later.organization

-- name: kin
-- Organisations above which somebody's parent is another, or their own is, or which are others by other records; and the
-- records of these.
create or replace temp table kin as
with head as materialized (
    select subject::integer as organization from replaced where kind = 'parent'
    union
    select unnest([record, before, after]) from rejoined
),
-- Whoever they stand for is whom others have as their parent.
standing as materialized (
    select organization from head
    union
    select record.organization
    from head
    join records_as_of($before_known_on, $before_position) as record on record.record = head.organization
    union
    select record.organization
    from head
    join records_as_of($after_known_on, $after_position) as record on record.record = head.organization
),
related as materialized (
    select organization from standing
    union
    select organization
    from below_as_of(
        (select list(organization) from standing), $before_effective_on, $before_known_on, $before_position
    )
    union
    select organization
    from below_as_of(
        (select list(organization) from standing), $after_effective_on, $after_known_on, $after_position
    )
)
select organization from related
union
select record
from records_as_of($before_known_on, $before_position)
where organization in (select organization from related)
union
select record
from records_as_of($after_known_on, $after_position)
where organization in (select organization from related)

-- name: kinship
-- Those of them who sell or buy what changed, and what says so.
create or replace temp table kinship as
with party as materialized (
    select organization
    from (
        select vendor as organization from changed
        union
        select buyer from changed
        union
        select joint_buyer.buyer
        from changed
        join joint_buyer on joint_buyer.placed_position = changed.placed_position
        where changed.source = 'order' and changed.buyer is null
    )
    where organization in (select organization from kin)
)
select above.organization, list(distinct {'before': replaced.before, 'after': replaced.after}) as causes
from (
    select organization, ancestor
    from lineages_as_of(
        (select list(organization) from party), $before_effective_on, $before_known_on, $before_position
    )
    union
    select organization, ancestor
    from lineages_as_of(
        (select list(organization) from party), $after_effective_on, $after_known_on, $after_position
    )
) as above
join (
    select kind, subject, before, after from replaced where kind = 'parent'
    union all
    -- What makes an organisation another: for whom its records stand.
    select replaced.kind, unnest([rejoined.record, rejoined.before, rejoined.after]), replaced.before, replaced.after
    from rejoined
    join replaced
        on replaced.kind = 'same_as' and replaced.subject in (rejoined.record, rejoined.before, rejoined.after)
) as replaced on replaced.subject = above.ancestor
group by above.organization

-- name: repriced
-- Days on which a currency goes over by another publication (rule 17) than before.
create or replace temp table repriced as
with quoted as (
    select
        currency, rate, position, said_on as ends_on, known_on, {counted-before} as was, {counted-after} as now
    -- Publications are asked for by a day, and need not be in effect.
    from (
        select * exclude (ends_on), ends_on as said_on, '-infinity'::date as ends_on from exchange_rate
    ) as publication
),
conversion as materialized (
    select source.currency, source.ends_on, source.known_on, source.position, source.was, source.now
    from quoted as source
    join quoted as target on target.position = source.position
    where
        target.currency = number_of($currency)
        and source.currency <> target.currency
        and (select bool_or(was <> now) from quoted)
),
priced as materialized (
    select distinct currency, priced_on
    from (
        select currency, coalesce($rates_on, placed_on) as priced_on from posting
        union all
        select currency, coalesce($rates_on, ends_on) from supply_asserted
    )
    where currency in (select currency from conversion)
),
conversion_before as (
    select currency, ends_on, arg_max(position, (known_on, position)) as position
    from conversion
    where was
    group by currency, ends_on
),
conversion_after as (
    select currency, ends_on, arg_max(position, (known_on, position)) as position
    from conversion
    where now
    group by currency, ends_on
)
select priced.currency, priced.priced_on, conversion_before.position as before, conversion_after.position as after
from priced
asof left join conversion_before
    on conversion_before.currency = priced.currency and priced.priced_on >= conversion_before.ends_on
asof left join conversion_after
    on conversion_after.currency = priced.currency and priced.priced_on >= conversion_after.ends_on
where conversion_before.position is distinct from conversion_after.position

-- name: not-repriced
-- No days: the measure is not converted by rates.
create or replace temp table repriced as
select null::integer as currency, null::date as priced_on, null::bigint as before, null::bigint as after
where false

-- name: cancelling
-- Cancellations that count at one of the moments, of orders that a line may belong to.
create or replace temp table cancelling as
select position, placed_position, ends_on, known_on, was, now
from (
    select position, placed_position, ends_on, known_on, {counted-before} as was, {counted-after} as now
    from order_cancelled
    where basis & $excluded = 0
)
where was or now

-- name: movements (measure, derives)
-- Every movement of order lines that may count at one of the moments, with whether it does, and what it adds: where amounts
-- are derived, also to what is ordered of the line, and to the goods that arrived without an amount.
with unpriced_line as (
    select distinct line_key from posting where {derives} and unpriced and position <= $after_position
),
moved as (
    select
        line_key, placed_position, position, kind, ends_on, known_on, vendor, product, currency, buyer, placed_on,
        if($unquantified, {measure}_quantified + {measure}_unquantified, {measure}_quantified) > 0 as shown,
        if(shown, {measure}_value, 0) as value,
        if(shown, {measure}_low, 0) as low,
        if(shown, {measure}_high, 0) as high,
        if(shown, {measure}_unquantified, 0) as unquantified,
        {derives} and unpriced and quantity_unquantified = 0 as arrives,
        {derives} and unpriced and quantity_unquantified > 0 and $unquantified as is_unknown,
        if(arrives, quantity_value, 0) as arrived,
        if({derives} and kind <= 2, quantity_value, 0) as priced_quantity,
        if({derives} and kind <= 2, amount_value, 0) as priced_amount,
        if({derives} and kind <= 2, quantity_high - quantity_low + amount_high - amount_low, 0) as priced_range,
        if({derives} and kind <= 2, quantity_unquantified + amount_unquantified, 0)::integer as priced_unquantified,
        movement_counts(
            position, known_on, counts_on, placed_position, line_key,
            $before_effective_on, $before_known_on, $before_position
        )
        and (
            ($status = 'delivered' and kind <= 2)
            or if($status = 'ordered', placed_on, ends_on) between $before_first_on and $before_last_on
        ) as was,
        movement_counts(
            position, known_on, counts_on, placed_position, line_key,
            $after_effective_on, $after_known_on, $after_position
        )
        and (
            ($status = 'delivered' and kind <= 2)
            or if($status = 'ordered', placed_on, ends_on) between $after_first_on and $after_last_on
        ) as now
    from posting
    where
        within_clocks(
            position, known_on, counts_on, $after_effective_on, $after_known_on, $after_position, basis, $excluded
        )
        and (
            line_key in (select line_key from unpriced_line)
            or (
                ($status <> 'delivered' or kind > 2)
                and if($unquantified, {measure}_quantified + {measure}_unquantified, {measure}_quantified) > 0
            )
        )
)

-- name: touched (measure, derives)
-- Order lines on which the two moments may differ.
create or replace temp table touched as
{movements}
select distinct line_key
from moved
where
    was <> now
    or placed_position in (select placed_position from cancelling where was <> now)
    or placed_position in (select subject from replaced where kind = 'allocation')
    or product in (select subject from replaced where kind in ('maker', 'category', 'attribute', 'label'))
    or (
        'maker' in (select unnest($kinds::varchar[]))
        and product in (select product from product_fact where maker in (select organization from kin))
    )
    or vendor in (select subject from replaced where kind = 'country')
    or vendor in (select organization from kin)
    or buyer in (select organization from kin)
    or buyer in (select unnest($newcomers::integer[]))
    or placed_position in (
        select placed_position
        from joint_buyer
        where buyer in (select organization from kin) or buyer in (select unnest($newcomers::integer[]))
    )
    or (currency, coalesce($rates_on, placed_on)) in (select currency, priced_on from repriced)

-- name: contributions
-- What these lines and all assertions contribute at one of the moments; factors in whole numbers of units of their size.
select
    source, line_key, position as placed_position, vendor, product, currency, buyer, priced_on, key, convertible,
    whole_figure(value) as value,
    whole_figure(low) as low,
    whole_figure(high) as high,
    quantified, unquantified, unbounded,
    {
        'source_rate': whole_rate(source_rate),
        'target_rate': whole_rate(target_rate),
        'attribute_value': whole_factor(attribute_value),
        'attribute_low': whole_factor(attribute_low),
        'attribute_high': whole_factor(attribute_high),
        'share_value': whole_factor(share_value),
        'share_low': whole_factor(share_low),
        'share_high': whole_factor(share_high),
        'remainder': whole_factor(remainder)
    } as factors
from contribution

-- name: changed
-- The contributions that are not the same at both moments. factors_before, factors_after: null where there is none, or
-- where nothing of it has a value; priced: the factors that its events are valued with (rule 48).
create or replace temp table changed as
select
    *,
    coalesce(factors_before, factors_after) as priced,
    if(factors_before is null and factors_after is not null, key_after, key_before) as priced_key
from (
    select
        coalesce(before.source, after.source) as source,
        coalesce(before.line_key, after.line_key) as line_key,
        coalesce(before.placed_position, after.placed_position) as placed_position,
        coalesce(before.vendor, after.vendor) as vendor,
        coalesce(before.product, after.product) as product,
        coalesce(before.currency, after.currency) as currency,
        coalesce(before.buyer, after.buyer) as buyer,
        coalesce(before.priced_on, after.priced_on) as priced_on,
        before.line_key is not null as was,
        after.line_key is not null as now,
        if(before.line_key is null, after.key, before.key) as key_before,
        if(after.line_key is null, before.key, after.key) as key_after,
        if(before.convertible and before.factors.share_value is not null, before.factors, null) as factors_before,
        if(after.convertible and after.factors.share_value is not null, after.factors, null) as factors_after,
        (before.factors, before.convertible) is distinct from (after.factors, after.convertible) as refactored,
        coalesce(before.value, 0) as value_before,
        coalesce(after.value, 0) as value_after
    from contribution_before as before
    full join contribution_after as after on after.source = before.source and after.line_key = before.line_key
    where
        (
            before.line_key, before.key, before.convertible, before.value, before.low, before.high, before.quantified,
            before.unquantified, before.unbounded, before.factors
        ) is distinct from (
            after.line_key, after.key, after.convertible, after.value, after.low, after.high, after.quantified,
            after.unquantified, after.unbounded, after.factors
        )
)

-- name: walked (measure, derives)
-- From the figure of a line before to the one after, one event after another (rule 47): first what counts no more, the
-- latest first, then what counts only now, the latest last. Place 0 is the figure before, and no effect.
create or replace temp table walked as
{movements},
step as (
    select
        line_key, position, ends_on, known_on, now,
        sum(if(kind <= 2, value, 0)) as ordered,
        sum(if(kind <= 2, 0, value)) as delivered,
        sum(arrived) as arrived,
        sum(priced_quantity) as priced_quantity,
        sum(priced_amount) as priced_amount,
        sum(priced_range) as priced_range,
        sum(priced_unquantified) as priced_unquantified,
        0 as cancels,
        bool_or(is_unknown or unquantified > 0 or (value = 0 and (low <> 0 or high <> 0))) as telling
    from moved
    where was <> now and line_key in (select line_key from changed where source = 'order')
    group by line_key, position, ends_on, known_on, now
    union all
    select
        changed.line_key, cancelling.position, cancelling.ends_on, cancelling.known_on, cancelling.now, 0, 0,
        0, 0, 0, 0, 0, if(cancelling.now, 1, -1), false
    from cancelling
    join changed on changed.source = 'order' and changed.placed_position = cancelling.placed_position
    where cancelling.was <> cancelling.now
),
placed as (
    select
        *,
        row_number() over (
            partition by line_key
            order by now, if(now, ends_on, date '1970-01-01') , if(now, known_on, date '1970-01-01'),
                if(now, position, 0), ends_on desc, known_on desc, position desc
        ) as place
    from step
),
base as (
    select
        changed.line_key,
        coalesce(sum(if(kind <= 2, value, 0)) filter (moved.was), 0) as ordered,
        coalesce(sum(if(kind <= 2, 0, value)) filter (moved.was), 0) as delivered,
        coalesce(sum(arrived) filter (moved.was), 0) as arrived,
        coalesce(sum(priced_quantity) filter (moved.was), 0) as priced_quantity,
        coalesce(sum(priced_amount) filter (moved.was), 0) as priced_amount,
        coalesce(sum(priced_range) filter (moved.was), 0) as priced_range,
        coalesce(sum(priced_unquantified) filter (moved.was), 0) as priced_unquantified,
        coalesce(any_value(cancelled.cancels), 0) as cancels
    from changed
    left join moved on moved.line_key = changed.line_key
    left join (
        select placed_position, count(*) as cancels from cancelling where was group by placed_position
    ) as cancelled on cancelled.placed_position = changed.placed_position
    where changed.source = 'order'
    group by changed.line_key
),
stood as (
    select
        line_key, place, position, now, telling,
        if(now, 1, -1) * ordered as ordered,
        if(now, 1, -1) * delivered as delivered,
        if(now, 1, -1) * arrived as arrived,
        if(now, 1, -1) * priced_quantity as priced_quantity,
        if(now, 1, -1) * priced_amount as priced_amount,
        if(now, 1, -1) * priced_range as priced_range,
        if(now, 1, -1) * priced_unquantified as priced_unquantified,
        cancels
    from placed
    union all
    select
        line_key, 0, null, null, false, ordered, delivered, arrived, priced_quantity, priced_amount, priced_range,
        priced_unquantified, cancels
    from base
),
figured as (
    select
        line_key, place, position, now, telling,
        case $status
            when 'ordered' then if(cancelled, greatest(delivered, 0), greatest(ordered, 0))
            when 'delivered' then greatest(delivered, 0)
            else if(cancelled, 0, greatest(ordered - greatest(delivered, 0), 0))
        end as figure
    from (
        select
            line_key, place, position, now, telling, ordered, cancelled,
            delivered + if(
                arrived <> 0 and priced_unquantified = 0 and priced_range = 0 and priced_quantity > 0
                and priced_amount >= 0,
                apportioned(whole_figure(priced_amount), whole_figure(arrived), whole_figure(priced_quantity)),
                0
            ) as delivered
        from (
            select
                line_key, place, position, now, telling,
                sum(ordered) over walk as ordered,
                sum(delivered) over walk as delivered,
                sum(arrived) over walk as arrived,
                sum(priced_quantity) over walk as priced_quantity,
                sum(priced_amount) over walk as priced_amount,
                sum(priced_range) over walk as priced_range,
                sum(priced_unquantified) over walk as priced_unquantified,
                sum(cancels) over walk > 0 as cancelled
            from stood
            window walk as (partition by line_key order by place)
        )
    )
)
select
    line_key, place, position, now, telling,
    whole_figure(figure) as figure,
    whole_figure(figure - lag(figure) over (partition by line_key order by place)) as effect
from figured

-- name: asserted (measure)
-- The lines of assertions that contribute otherwise: what they come to before and after, and which assertion counts under
-- their id at the two moments (rule 11).
create or replace temp table asserted as
with said as (
    select position, assertion_id, ends_on, known_on, {counted-before} as was, {counted-after} as now
    from supply_asserted
    where basis & $excluded = 0
),
latest as (
    select
        assertion_id,
        arg_max(position, (ends_on, known_on, position)) filter (was) as before,
        arg_max(position, (ends_on, known_on, position)) filter (now) as after
    from said
    group by assertion_id
)
select
    changed.line_key,
    said.position,
    said.was as counted_before,
    latest.before,
    latest.after,
    coalesce(latest.before = said.position, false) and said.ends_on between $before_first_on and $before_last_on as was,
    coalesce(latest.after = said.position, false) and said.ends_on between $after_first_on and $after_last_on as now,
    whole_figure(supply_line.{measure}_value) as figure
from changed
join said on said.position = changed.placed_position
join latest on latest.assertion_id = said.assertion_id
join supply_line
    on supply_line.position = said.position and said.position * 65536 + supply_line.ordinal = changed.line_key
where changed.source = 'supply'

-- name: effects
-- What each event did to each line (rule 49). position: the event that is named; about: the one that counts no more, or
-- again, through it.
create or replace temp table effects as
with caused as (
    select
        'order' as source, walked.line_key, walked.effect,
        if(
            walked.now,
            walked.position,
            coalesce(own.retraction, brought.retraction, placed.retraction, walked.position)
        ) as position,
        walked.position as about,
        case
            when walked.now then 'begins'
            when coalesce(own.retraction, brought.retraction, placed.retraction) is not null then 'corrected'
            else 'lapsed'
        end as manner
    from walked
    join changed on changed.source = 'order' and changed.line_key = walked.line_key
    left join gone as own on not own.already and own.retracts = walked.position
    left join gone as brought on not brought.already and brought.retracts = walked.line_key >> 16
    left join gone as placed on not placed.already and placed.retracts = changed.placed_position
    where walked.place > 0 and (walked.effect <> 0 or walked.telling)
    union all
    select
        'supply', asserted.line_key, if(now, figure, -figure),
        case
            when now and counted_before then before_gone.retraction
            when now then asserted.position
            else coalesce(own.retraction, asserted.after, asserted.position)
        end,
        asserted.position,
        case
            when now and counted_before or own.retraction is not null then 'corrected'
            when now or asserted.after <> asserted.position then 'begins'
            else 'lapsed'
        end
    from asserted
    left join gone as own on not own.already and own.retracts = asserted.position
    left join gone as before_gone on not before_gone.already and before_gone.retracts = asserted.before
    where asserted.was <> asserted.now
)
select
    caused.source, caused.line_key, caused.position, caused.about, caused.effect, changed.priced, changed.priced_key,
    case
        when manner <> 'begins' then manner
        when event.corrects is not null then 'corrected'
        when event.ends_on > $earlier_on then 'new'
        else 'late'
    end as class
from caused
join changed on changed.source = caused.source and changed.line_key = caused.line_key
join event on event.position = caused.position

-- name: parts
-- Effects added up where they share a row, a class and the factors.
select word_of(priced_key) as key, class, priced, sum(effect) as effect, count(*) as events
from effects
group by priced_key, class, priced

-- name: largest
-- Of each part the events that did most. A double is fine enough to choose by; nothing is computed with it.
select
    word_of(chosen.priced_key) as key, chosen.class, chosen.priced, chosen.effect,
    event.position, event.id, event.type, event.effective_on, event.ends_on, event.known_on,
    if(chosen.about = chosen.position, null, about.id) as about,
    order_placed.order_id, supply_asserted.assertion_id,
    coalesce(order_line.line, supply_line.line) as line
from (
    select
        *,
        row_number() over (
            partition by priced_key, class
            order by
                abs(
                    effect::double * coalesce(
                        priced.target_rate::double / priced.source_rate * priced.attribute_value * priced.share_value, 0
                    )
                ) desc,
                position, about, line_key
        ) as place
    from effects
    qualify place <= $limit
) as chosen
join event on event.position = chosen.position
join event as about on about.position = chosen.about
left join order_line on chosen.source = 'order' and order_line.line_key = chosen.line_key
left join order_placed on order_placed.position = order_line.placed_position
left join supply_asserted on chosen.source = 'supply' and supply_asserted.position = chosen.line_key >> 16
left join supply_line
    on supply_line.position = supply_asserted.position
    and supply_line.position * 65536 + supply_line.ordinal = chosen.line_key
order by chosen.place

-- name: revalued
-- What is left of a change once the events are taken off, added up where everything is alike. figure_before and
-- figure_after are those of the lines, whether the buyers asked for have any of it or not. causes: pairs of events.
with drawn as (
    select
        'order' as source, line_key,
        max(figure) filter (place = 0) as figure_before,
        arg_max(figure, place) as figure_after
    from walked
    group by line_key
    union all
    select 'supply', line_key, if(was, figure, 0), if(now, figure, 0) from asserted
),
joint_kinship as (
    select joint_buyer.placed_position, flatten(list(kinship.causes order by kinship.organization)) as causes
    from joint_buyer
    join kinship on kinship.organization = joint_buyer.buyer
    group by joint_buyer.placed_position
),
line as (
    select
        changed.*,
        drawn.figure_before,
        drawn.figure_after,
        list_distinct(
            list_filter(
                [
                    {'before': rate.before, 'after': rate.after},
                    {'before': attribute.before, 'after': attribute.after},
                    {'before': fact.before, 'after': fact.after},
                    {'before': country.before, 'after': country.after},
                    {'before': allocation.before, 'after': allocation.after}
                ],
                lambda cause: cause.before is not null or cause.after is not null
            )
            || coalesce(seller.causes, [])
            || coalesce(holder.causes, [])
            || coalesce(joint_kinship.causes, [])
        ).list_sort() as causes
    from changed
    join drawn on drawn.source = changed.source and drawn.line_key = changed.line_key
    left join repriced as rate on rate.currency = changed.currency and rate.priced_on = changed.priced_on
    left join replaced as attribute on attribute.kind = 'attribute' and attribute.subject = changed.product
    left join replaced as fact on fact.kind in ('maker', 'category', 'label') and fact.subject = changed.product
    left join replaced as country on country.kind = 'country' and country.subject = changed.vendor
    left join replaced as allocation
        on allocation.kind = 'allocation' and changed.source = 'order' and allocation.subject = changed.placed_position
    left join kinship as seller on seller.organization = changed.vendor
    left join kinship as holder on holder.organization = changed.buyer
    left join joint_kinship
        on changed.source = 'order' and changed.buyer is null and joint_kinship.placed_position = changed.placed_position
)
select
    word_of(key_before) as key_before,
    word_of(key_after) as key_after,
    word_of(priced_key) as priced_key,
    factors_before, factors_after, priced, causes,
    was and now and (refactored or key_before is distinct from key_after) as telling,
    sum(value_before) as value_before,
    sum(value_after) as value_after,
    sum(figure_after - figure_before) as effect
from line
where
    refactored
    or key_before is distinct from key_after
    or not (was and now)
group by all

-- name: events
-- What made another fact of one of these (fact): that it counts only now, or that it is taken back. about: what is.
with fact as (
    select
        event.*,
        within_clocks(
            event.position, event.known_on, event.ends_on, $before_effective_on, $before_known_on, $before_position
        ) as counted_before,
        order_placed.order_id
    from event
    left join (select distinct position, placed_position from order_allocated) as allocated
        on allocated.position = event.position
    left join order_placed on order_placed.position = allocated.placed_position
    where event.position in (select unnest($positions::bigint[]))
)
select
    position as fact, position, id, type, effective_on, ends_on, known_on, null::varchar as about, order_id
from fact
where not counted_before
union all
select
    fact.position, event.position, event.id, event.type, event.effective_on, event.ends_on, event.known_on, fact.id,
    fact.order_id
from fact
join gone on gone.retracts = fact.position and not gone.already
join event on event.position = gone.retraction
order by position, about

-- name: recorded-on
-- The day on which the event at the earlier position was recorded.
select recorded_at::date as recorded_on from event where position = $before_position

-- name: records
-- The records that stand for some organisations (rule 59).
select record
from records_as_of($known_on, $position)
where organization in (select unnest($organizations::integer[]))
