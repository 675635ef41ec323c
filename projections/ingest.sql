-- From recorded events to rows. Every block reads `staged`, the batch at hand; a block that looks up what an event builds
-- on finds it in the tables, where the blocks before have put what the batch itself brings. Blocks run in the order in
-- which they stand, those alone that read a type which the batch has.

-- name: stage
-- The batch read, each body once: its envelope, and what events say of orders. `batch` holds (position, body).
-- `ordered` is null in events about other things, whose `data` is as it stands there; `data` is null in most of orders.
-- `raw`: the receipts or returns as they stand there, where one of them has no amount: what is null, and what is not there,
-- look the same in the others' form.
create or replace temp table staged as
with envelope as (
    select
        position,
        body,
        from_json(body, '{"position": "BIGINT", "id": "VARCHAR", "type": "VARCHAR", "v": "VARCHAR",
            "recorded_at": "TIMESTAMP", "effective_on": "VARCHAR", "known_on": "DATE", "basis": "VARCHAR",
            "corrects": "VARCHAR", "data": {
                "order_id": "VARCHAR", "buyers": ["VARCHAR"], "vendor_id": "VARCHAR", "currency": "VARCHAR",
                "lines": [{"line": "VARCHAR", "product_id": "VARCHAR", "quantity": "VARCHAR", "amount": "VARCHAR",
                    "deliver_by": "VARCHAR"}],
                "changes": [{"line": "VARCHAR", "quantity": "VARCHAR", "amount": "VARCHAR"}],
                "receipts": [{"line": "VARCHAR", "quantity": "VARCHAR", "amount": "VARCHAR"}],
                "returns": [{"line": "VARCHAR", "quantity": "VARCHAR", "amount": "VARCHAR"}]
            }}') as event
    from batch
)
select
    position,
    event.position as stated_position,
    event.id,
    event.type,
    event.v,
    event.recorded_at,
    event.effective_on,
    event.known_on,
    end_of(event.effective_on, event.known_on) as ends_on,
    case event.basis when 'reported' then 0 when 'estimated' then 1 when 'assumed' then 2 end::utinyint as basis,
    event.corrects,
    event.data as ordered,
    case
        when event.type not in ('order-placed', 'order-amended', 'goods-received', 'goods-returned')
            then json_extract(body, '$.data')
    end as data,
    case
        when event.type = 'goods-received' and list_contains([said.amount is null for said in event.data.receipts], true)
            then json_extract(body, '$.data.receipts[*]')
        when event.type = 'goods-returned' and event.v <> '1'
            and list_contains([said.amount is null for said in event.data.returns], true)
            then json_extract(body, '$.data.returns[*]')
    end as raw
from envelope;

-- name: types
-- What is in the batch, and where each sort first stands.
select type, v, min(position) from staged group by type, v order by min(position);

-- name: misplaced
-- Bodies that state another position than the one they came with.
select position, stated_position from staged where stated_position is distinct from position order by position limit 1;

-- name: event
-- The envelope of every event.
-- reads: every type
insert into event
select position, id, hash(id), type, recorded_at, effective_on, known_on, ends_on, basis, corrects
from staged
order by position;

-- name: retraction
-- Retractions, each with the position of the event that it takes back.
-- reads: event-retracted
insert into retraction
select staged.position, staged.known_on, max(event.position), any_value(staged.data ->> '$.reason')
from staged
join event
    on event.id_hash = hash(staged.data ->> '$.retracts')
    and event.id = staged.data ->> '$.retracts'
    and event.position < staged.position
where staged.type = 'event-retracted'
group by staged.position, staged.known_on
order by staged.position;

-- name: annotation
-- Notes, each with the position of the event that it is about.
-- reads: event-annotated
insert into annotation
select
    staged.position, staged.known_on, staged.ends_on, max(event.position), any_value(staged.data ->> '$.note')
from staged
join event
    on event.id_hash = hash(staged.data ->> '$.annotates')
    and event.id = staged.data ->> '$.annotates'
    and event.position < staged.position
where staged.type = 'event-annotated'
group by staged.position, staged.known_on, staged.ends_on
order by staged.position;

-- name: read-organization
-- What the events of organisations say, in words.
-- reads: organization-registered, organization-changed
create or replace temp table staged_organization as
select
    position,
    known_on,
    ends_on,
    type = 'organization-registered' as registers,
    data ->> '$.organization_id' as organization,
    data ->> '$.name' as name,
    data ->> '$.country' as country,
    json_type(data, '$.parent_id') is not null as says_parent,
    data ->> '$.parent_id' as parent,
    json_type(data, '$.same_as') is not null as says_same,
    data ->> '$.same_as' as same_as,
    json_extract(data, '$.names') as names,
    json_extract(data, '$.identifiers') as identifiers
from staged
where type in ('organization-registered', 'organization-changed');
insert into mention
select unnest([organization, country, parent, same_as]), position from staged_organization;

-- name: read-product
-- What the events of products say, in words.
-- reads: product-registered, product-changed
create or replace temp table staged_product as
select
    position,
    known_on,
    ends_on,
    type = 'product-registered' as registers,
    data ->> '$.product_id' as product,
    data ->> '$.name' as name,
    json_type(data, '$.vendor_id') is not null as says_maker,
    data ->> '$.vendor_id' as maker,
    data ->> '$.category' as category,
    data ->> '$.foundry' as foundry,
    json_extract(data, '$.attributes') as attributes
from staged
where type in ('product-registered', 'product-changed');
insert into mention
select unnest([product, maker, category]), position from staged_product;
create or replace temp table staged_attribute as
with named as (
    select
        position, known_on, ends_on, product, unnest(json_keys(attributes)) as attribute, attributes
    from staged_product
    where attributes is not null
),
stated as (
    select
        position, known_on, ends_on, product, attribute,
        json_extract(attributes, '$."' || attribute || '"') as stated
    from named
),
numbered as (
    select
        *,
        case
            when json_type(stated) = 'VARCHAR' then stated ->> '$'
            when json_type(stated, '$.value') is not null then stated::varchar
        end as estimate
    from stated
)
select
    *,
    case
        when estimate is not null then rtrim(rtrim(estimated_value(estimate)::decimal(15, 6)::varchar, '0'), '.')
        when json_type(stated) = 'BOOLEAN' then stated ->> '$'
        when json_type(stated, '$.text') is not null then stated ->> '$.text'
    end as label
from numbered;
insert into mention
select label, position from staged_attribute where label is not null;

-- name: read-exchange-rate
-- Publications of rates, one row a currency, the base among them.
-- reads: exchange-rates-published
create or replace temp table staged_exchange_rate as
with publication as (
    select position, known_on, ends_on, data ->> '$.base' as base, json_extract(data, '$.rates') as rates
    from staged
    where type = 'exchange-rates-published'
),
named as (
    select position, known_on, ends_on, base, unnest(json_keys(rates)) as currency, rates from publication
)
select position, known_on, ends_on, base as currency, '1' as rate from publication
union all
select position, known_on, ends_on, currency, rates ->> currency from named where currency <> base;
insert into mention
select currency, position from staged_exchange_rate;

-- name: read-order-placed
-- Placings of orders, in words.
-- reads: order-placed
create or replace temp table staged_order_placed as
select
    position, known_on, ends_on, basis, ordered.order_id, ordered.vendor_id as vendor, ordered.currency, ordered.buyers,
    case when len(ordered.buyers) = 1 then ordered.buyers[1] end as buyer
from staged
where type = 'order-placed';
insert into mention
select vendor, position from staged_order_placed
union all select currency, position from staged_order_placed
union all select unnest(buyers), position from staged_order_placed;

-- name: read-order-line
-- Lines that a placing or an amendment brings. An ordinal counts from 0.
-- reads: order-placed, order-amended
create or replace temp table staged_order_line as
with line as (
    select
        position, known_on, ends_on, basis, unnest(ordered.lines) as brought,
        generate_subscripts(ordered.lines, 1) - 1 as ordinal
    from staged
    where type in ('order-placed', 'order-amended')
)
select
    position, known_on, ends_on, basis, ordinal, brought.line, brought.product_id as product, brought.quantity,
    brought.amount, brought.deliver_by
from line;
insert into mention
select product, position from staged_order_line;

-- name: read-order-allocated
-- Allocations, one row a buyer that they name.
-- reads: order-allocated
create or replace temp table staged_order_allocated as
with allocation as (
    select
        position, known_on, ends_on, basis,
        unnest(from_json(data, '{"allocations": [{"buyer_id": "VARCHAR", "share": "VARCHAR"}]}').allocations) as part
    from staged
    where type = 'order-allocated'
)
select position, known_on, ends_on, basis, part.buyer_id as buyer, part.share from allocation;
insert into mention
select buyer, position from staged_order_allocated;

-- name: read-supply
-- Supply assertions with their lines, in words.
-- reads: supply-asserted
create or replace temp table staged_supply as
with said as (
    select
        position,
        known_on,
        ends_on,
        basis,
        from_json(data, '{"assertion_id": "VARCHAR", "buyer_id": "VARCHAR", "vendor_id": "VARCHAR",
            "currency": "VARCHAR", "statement": "VARCHAR", "lines": [{"line": "VARCHAR", "product_id": "VARCHAR",
            "quantity": "VARCHAR", "amount": "VARCHAR", "deliver_by": "VARCHAR"}]}') as data
    from staged
    where type = 'supply-asserted'
)
select
    position, known_on, ends_on, basis, data.assertion_id, data.buyer_id as buyer, data.vendor_id as vendor,
    data.currency, data.statement, case when len(data.lines) > 0 then data.lines else [null] end as lines
from said;
create or replace temp table staged_supply_line as
with line as (
    select position, unnest(lines) as supplied, generate_subscripts(lines, 1) - 1 as ordinal from staged_supply
)
select
    position, ordinal, supplied.line, supplied.product_id as product, supplied.deliver_by, supplied.quantity,
    supplied.amount
from line;
insert into mention
select unnest([buyer, vendor, currency]), position from staged_supply
union all select product, position from staged_supply_line;

-- name: term
-- New words get the next numbers in the order of first mention, so that batch sizes make no difference.
-- reads: organization-registered, organization-changed, product-registered, product-changed, order-placed
-- reads: order-amended, order-allocated, supply-asserted, exchange-rates-published
insert into term
select
    (select coalesce(max(number), 0) from term) + row_number() over (order by min(mention.position), mention.word),
    mention.word
from mention
where mention.word is not null and mention.word not in (select term.word from term)
group by mention.word
order by min(mention.position), mention.word;

-- name: organization
-- Facts about organisations, words replaced by their numbers.
-- reads: organization-registered, organization-changed
insert into organization_fact
select
    said.position, said.known_on, said.ends_on, organization.number, said.registers, said.name, country.number,
    said.says_parent, parent.number, said.says_same, same_as.number, said.names, said.identifiers
from staged_organization as said
join term as organization on organization.word = said.organization
left join term as country on country.word = said.country
left join term as parent on parent.word = said.parent
left join term as same_as on same_as.word = said.same_as
order by said.position;

-- name: product
-- Facts about products and their attributes, words replaced by their numbers.
-- reads: product-registered, product-changed
insert into product_fact
select
    said.position, said.known_on, said.ends_on, product.number, said.registers, said.name, said.says_maker, maker.number,
    category.number, said.foundry
from staged_product as said
join term as product on product.word = said.product
left join term as maker on maker.word = said.maker
left join term as category on category.word = said.category
order by said.position;
insert into product_attribute
select
    said.position, said.known_on, said.ends_on, product.number, said.attribute,
    case when estimate is not null then estimated_value(estimate)::decimal(15, 6) end,
    case when estimate is not null then estimated_low(estimate)::decimal(15, 6) end,
    case when estimate is not null then estimated_high(estimate)::decimal(15, 6) end,
    label.number, said.stated
from staged_attribute as said
join term as product on product.word = said.product
left join term as label on label.word = said.label
order by said.position, said.attribute;

-- name: exchange-rate
-- Rates, currencies replaced by their numbers.
-- reads: exchange-rates-published
insert into exchange_rate
select said.position, said.known_on, said.ends_on, currency.number, said.rate::decimal(25, 10)
from staged_exchange_rate as said
join term as currency on currency.word = said.currency
order by said.position, currency.number;

-- name: order-placed
-- Placings, and the buyers of joint orders, words replaced by their numbers.
-- reads: order-placed
insert into order_placed
select
    said.position, said.known_on, said.ends_on, said.basis, said.order_id, hash(said.order_id), vendor.number,
    currency.number, buyer.number
from staged_order_placed as said
join term as vendor on vendor.word = said.vendor
join term as currency on currency.word = said.currency
left join term as buyer on buyer.word = said.buyer
order by said.position;
insert into joint_buyer
with joint as (
    select position, unnest(buyers) as buyer from staged_order_placed where buyer is null
)
select joint.position, term.number
from joint
join term on term.word = joint.buyer
order by joint.position, term.number;

-- name: order-later
-- The placing that each later event of an order builds on: the last before it under that order's id.
-- reads: order-placed, order-amended, order-cancelled, goods-received, goods-returned, order-allocated
create or replace temp table staged_order_later as
with later as (
    select position, ordered.order_id
    from staged
    where
        type in ('order-amended', 'order-cancelled', 'goods-received', 'goods-returned', 'order-allocated')
)
select later.position, max(order_placed.position) as placed_position
from later
join order_placed
    on order_placed.order_hash = hash(later.order_id)
    and order_placed.order_id = later.order_id
    and order_placed.position < later.position
group by later.position;

-- name: order-cancelled
-- Cancellations, each with the placing that it cancels.
-- reads: order-cancelled
insert into order_cancelled
select
    staged.position, staged.known_on, staged.ends_on, staged.basis, later.placed_position,
    staged.data ->> '$.reason', staged.data ->> '$.regulation_id'
from staged
join staged_order_later as later on later.position = staged.position
where staged.type = 'order-cancelled'
order by staged.position;

-- name: order-allocated
-- Allocations, each with the placing that it divides.
-- reads: order-allocated
insert into order_allocated
select
    said.position, said.known_on, said.ends_on, said.basis, later.placed_position, term.number,
    estimated_value(said.share)::decimal(15, 6),
    estimated_low(said.share)::decimal(15, 6),
    estimated_high(said.share)::decimal(15, 6)
from staged_order_allocated as said
join staged_order_later as later on later.position = said.position
join term on term.word = said.buyer
order by said.position, term.number;

-- name: order-line
-- The lines themselves, and their first postings.
-- reads: order-placed, order-amended
create or replace temp table staged_order_line_placed as
select
    said.position * 65536 + said.ordinal as line_key,
    placed.position as placed_position,
    said.position,
    said.line,
    product.number as product,
    said.deliver_by,
    greatest(said.known_on, placed.known_on) as known_on,
    greatest(said.ends_on, placed.ends_on) as counts_on,
    said.basis | placed.basis as basis,
    said.ends_on,
    placed.ends_on as placed_on,
    placed.vendor,
    placed.currency,
    placed.buyer,
    said.quantity,
    said.amount,
    exact_figure(said.quantity) as exact_quantity,
    exact_figure(said.amount) as exact_amount
from (
    select staged_order_line.*, coalesce(later.placed_position, staged_order_line.position) as placed_position
    from staged_order_line
    left join staged_order_later as later on later.position = staged_order_line.position
) as said
join order_placed as placed on placed.position = said.placed_position
left join term as product on product.word = said.product;
insert into order_line
select line_key, placed_position, line, product, deliver_by, known_on, counts_on, basis
from staged_order_line_placed
order by line_key;
insert into posting
select
    position, known_on, counts_on, basis, ends_on, placed_on, placed_position, line_key, 1, vendor, product, currency,
    buyer,
    coalesce(exact_quantity, estimated_value(quantity)::decimal(19, 4)),
    coalesce(exact_quantity, estimated_low(quantity)::decimal(19, 4)),
    coalesce(exact_quantity, estimated_high(quantity)::decimal(19, 4)),
    (quantity is not null)::utinyint,
    (quantity is null)::utinyint,
    coalesce(exact_amount, estimated_value(amount)::decimal(19, 4)),
    coalesce(exact_amount, estimated_low(amount)::decimal(19, 4)),
    coalesce(exact_amount, estimated_high(amount)::decimal(19, 4)),
    (amount is not null)::utinyint,
    (amount is null)::utinyint,
    false
from staged_order_line_placed
order by line_key;

-- name: order-movement
-- Changes, receipts and returns. A receipt of an unknown figure is unquantified; a change without one is no posting. Without
-- an amount a receipt, and a return, is unpriced (rule 30), but a return of the first version, which is no posting of money.
-- reads: order-amended, goods-received, goods-returned
create or replace temp table staged_order_movement as
with said as (
    select
        position,
        known_on,
        ends_on,
        basis,
        case type when 'order-amended' then 2 when 'goods-received' then 3 else 4 end as kind,
        raw,
        coalesce(ordered.changes, ordered.receipts, ordered.returns) as moved
    from staged
    where type in ('order-amended', 'goods-received', 'goods-returned')
),
movement as (
    select
        position, known_on, ends_on, basis, kind, unnest(moved) as moved, unnest(raw) as raw,
        generate_subscripts(moved, 1) as ordinal
    from said
),
placed as (
    select movement.*, later.placed_position
    from movement
    join staged_order_later as later on later.position = movement.position
),
-- The last line of that name that this event, or one before it, brought.
found as (
    select placed.position, placed.ordinal, max(order_line.line_key) as line_key
    from placed
    join order_line
        on order_line.placed_position = placed.placed_position
        and order_line.line = placed.moved.line
        and order_line.line_key < (placed.position + 1) * 65536
    group by placed.position, placed.ordinal
)
select
    placed.position, placed.known_on, placed.ends_on, placed.basis, placed.kind, placed.ordinal,
    placed.placed_position, found.line_key, placed.moved.quantity, placed.moved.amount,
    exact_figure(placed.moved.quantity) as exact_quantity, exact_figure(placed.moved.amount) as exact_amount,
    placed.raw is not null and json_type(placed.raw, '$.amount') is null as unpriced
from placed
join found on found.position = placed.position and found.ordinal = placed.ordinal;
insert into posting
select
    moved.position,
    greatest(moved.known_on, line.known_on),
    greatest(moved.ends_on, line.ends_on),
    moved.basis | line.basis,
    moved.ends_on,
    placed.ends_on,
    moved.placed_position,
    moved.line_key,
    moved.kind,
    placed.vendor,
    line.product,
    placed.currency,
    placed.buyer,
    if(kind = 4, -1, 1) * coalesce(exact_quantity, estimated_value(quantity)::decimal(19, 4)),
    if(kind = 4, -1, 1) * coalesce(exact_quantity, estimated_low(quantity)::decimal(19, 4)),
    if(kind = 4, -1, 1) * coalesce(exact_quantity, estimated_high(quantity)::decimal(19, 4)),
    (quantity is not null)::utinyint,
    (quantity is null and kind = 3)::utinyint,
    if(kind = 4, -1, 1) * coalesce(exact_amount, estimated_value(amount)::decimal(19, 4)),
    if(kind = 4, -1, 1) * coalesce(exact_amount, estimated_low(amount)::decimal(19, 4)),
    if(kind = 4, -1, 1) * coalesce(exact_amount, estimated_high(amount)::decimal(19, 4)),
    (amount is not null)::utinyint,
    (amount is null and kind = 3 and not unpriced)::utinyint,
    unpriced
from staged_order_movement as moved
join order_line as line on line.line_key = moved.line_key
join order_placed as placed on placed.position = moved.placed_position
order by moved.position, moved.ordinal;

-- name: line-kind
-- New lines: plain in quantity, in amount or in both, or irregular from the start. Not plain is a line of a joint order,
-- one of an order that has been cancelled or taken back before, and one of a time that has no place in a table by day.
-- reads: order-placed, order-amended
create or replace temp table staged_line_kind as
with spoilt as (
    select placed_position, min(position) as position
    from (
        select placed_position, position from order_cancelled
        union all
        select retracts, position from retraction
    )
    group by placed_position
)
select
    line.*,
    case when plain then plain_figure(quantity) end as plain_quantity,
    case when plain then plain_figure(amount) end as plain_amount
from (
    select
        line.*,
        line.buyer is not null
        and line.placed_on between date '1970-01-01' and date '2099-12-31'
        and coalesce(spoilt.position > line.position, true) as plain
    from staged_order_line_placed as line
    left join spoilt on spoilt.placed_position = line.placed_position
) as line;
insert into irregular
select line_key, position, (plain_quantity is null)::utinyint + 2 * (plain_amount is null)::utinyint
from staged_line_kind
where plain_quantity is null or plain_amount is null
order by line_key;
insert into steady
select
    position, known_on, counts_on, basis, ends_on, placed_on, line_key, vendor, product, currency, buyer,
    coalesce(plain_quantity, 0), coalesce(plain_amount, 0), 0
from staged_line_kind
where plain_quantity is not null or plain_amount is not null
order by line_key;

-- name: irregular-cancelled
-- All lines of an order that is cancelled are irregular from the cancellation on.
-- reads: order-cancelled
insert into irregular
select order_line.line_key, cancelled.position, 3
from order_cancelled as cancelled
join order_line
    on order_line.placed_position = cancelled.placed_position and order_line.line_key >> 16 < cancelled.position
where cancelled.position >= (select min(position) from staged)
order by cancelled.position, order_line.line_key;

-- name: irregular-retracted
-- Lines with a movement that is taken back, or whose order is.
-- reads: event-retracted
insert into irregular
select distinct line_key, position, 3
from (
    select posting.line_key, retraction.position
    from retraction
    join posting on posting.position = retraction.retracts
    where retraction.position >= (select min(position) from staged)
    union all
    select order_line.line_key, retraction.position
    from retraction
    join order_line
        on order_line.placed_position = retraction.retracts and order_line.line_key >> 16 < retraction.position
    where retraction.position >= (select min(position) from staged)
)
order by position, line_key;

-- name: irregular-moved
-- Lines that are changed, or some of which goes back.
-- reads: order-amended, goods-returned
insert into irregular
select
    line_key, position,
    (quantity is not null)::utinyint + 2 * (amount is not null)::utinyint + 4 * unpriced::utinyint
from staged_order_movement
where kind in (2, 4) and (quantity is not null or amount is not null)
order by position, ordinal;

-- name: receipt-kind
-- New receipts, each seen after all plain movements of its line before it. A receipt spoils its line's plainness where it
-- is not plain itself, comes out of the order of time, or goes beyond what was ordered.
-- reads: goods-received
create or replace temp table staged_receipt_kind as
with touched as (
    select distinct line_key from staged_order_movement where kind = 3
),
movement as (
    select
        false as new, steady.position, 0 as ordinal, steady.line_key, steady.known_on, steady.counts_on, steady.basis,
        steady.ends_on, steady.quantity, steady.amount
    from steady
    join touched on touched.line_key = steady.line_key
    union all
    select
        true, moved.position, moved.ordinal, moved.line_key,
        greatest(moved.known_on, line.known_on),
        greatest(moved.ends_on, line.ends_on),
        moved.basis | line.basis,
        moved.ends_on, -plain_figure(moved.quantity), -plain_figure(moved.amount)
    from staged_order_movement as moved
    join order_line as line on line.line_key = moved.line_key
    where moved.kind = 3
),
ended as (
    select
        irregular.line_key,
        min(irregular.position) filter (irregular.accounts & 1 > 0) as quantity_position,
        min(irregular.position) filter (irregular.accounts & 6 > 0) as amount_position
    from irregular
    join touched on touched.line_key = irregular.line_key
    group by irregular.line_key
),
seen as (
    select
        movement.*,
        sum(quantity) over history as quantity_left,
        sum(amount) over history as amount_left,
        new and coalesce(
            ends_on < lag(ends_on) over history
            or known_on < lag(known_on) over history
            or counts_on < lag(counts_on) over history
            or basis | lag(basis) over history <> basis,
            true
        ) as untimely
    from movement
    window history as (partition by line_key order by position, ordinal)
),
judged as (
    select
        seen.*,
        new and (untimely or quantity is null or quantity_left < 0) as spoils_quantity,
        new and (untimely or amount is null or amount_left < 0) as spoils_amount,
        coalesce(ended.quantity_position < position, false) as quantity_ended,
        coalesce(ended.amount_position < position, false) as amount_ended
    from seen
    left join ended on ended.line_key = seen.line_key
)
select
    *,
    quantity_ended or coalesce(bool_or(spoils_quantity) over earlier, false) as quantity_was_spoilt,
    amount_ended or coalesce(bool_or(spoils_amount) over earlier, false) as amount_was_spoilt
from judged
window earlier as (
    partition by line_key order by position, ordinal rows between unbounded preceding and 1 preceding
);
insert into irregular
select line_key, position, accounts
from (
    select
        line_key, position, ordinal,
        (spoils_quantity and not quantity_was_spoilt)::utinyint
        + 4 * (spoils_amount and not amount_was_spoilt)::utinyint as accounts
    from staged_receipt_kind
    where new
)
where accounts > 0
order by position, ordinal;
insert into steady
select
    receipt.position, receipt.known_on, receipt.counts_on, receipt.basis, receipt.ends_on, placed.ends_on,
    receipt.line_key, placed.vendor, line.product, placed.currency, placed.buyer,
    if(keeps_quantity, receipt.quantity, 0),
    if(keeps_amount, receipt.amount, 0),
    (keeps_quantity and quantity_left = 0)::utinyint + 2 * (keeps_amount and amount_left = 0)::utinyint
from (
    select
        *,
        not spoils_quantity and not quantity_was_spoilt as keeps_quantity,
        not spoils_amount and not amount_was_spoilt as keeps_amount
    from staged_receipt_kind
    where new
) as receipt
join order_line as line on line.line_key = receipt.line_key
join order_placed as placed on placed.position = line.placed_position
where keeps_quantity or keeps_amount
order by receipt.position, receipt.ordinal;

-- name: irregular-posting
-- Of lines that were regular until this batch, all movements; of others, those of this batch.
-- reads: order-placed, order-amended, order-cancelled, goods-received, goods-returned, order-allocated, event-retracted
insert into irregular_posting
with began as (
    select line_key, min(position) as position
    from irregular
    group by line_key
    having min(position) >= (select min(position) from staged)
)
select posting.*
from posting
where line_key in (select line_key from began)
order by posting.position, posting.line_key;
insert into irregular_posting
select posting.*
from posting
where
    posting.position >= (select min(position) from staged)
    and line_key in (select line_key from irregular where irregular.position < (select min(position) from staged))
order by posting.position, posting.line_key;

-- name: supply
-- Supply assertions and their lines, words replaced by their numbers.
-- reads: supply-asserted
insert into supply_asserted
select
    said.position, said.known_on, said.ends_on, said.basis, said.assertion_id, buyer.number, vendor.number, currency.number,
    said.statement
from staged_supply as said
join term as buyer on buyer.word = said.buyer
join term as vendor on vendor.word = said.vendor
left join term as currency on currency.word = said.currency
order by said.position;
insert into supply_line
select
    said.position, said.ordinal, said.line, product.number, said.deliver_by,
    estimated_value(said.quantity)::decimal(19, 4),
    estimated_low(said.quantity)::decimal(19, 4),
    estimated_high(said.quantity)::decimal(19, 4),
    (said.quantity is not null)::utinyint,
    (said.quantity is null)::utinyint,
    estimated_value(said.amount)::decimal(19, 4),
    estimated_low(said.amount)::decimal(19, 4),
    estimated_high(said.amount)::decimal(19, 4),
    (said.amount is not null)::utinyint,
    (said.amount is null)::utinyint
from staged_supply_line as said
left join term as product on product.word = said.product
order by said.position, said.ordinal;

-- name: partnership
-- What events say of partnerships.
-- reads: partnership-formed, partnership-changed, partnership-ended
insert into partnership_fact
select
    position, known_on, ends_on, type, data ->> '$.partnership_id', from_json(data, '{"parties": ["VARCHAR"]}').parties,
    data ->> '$.kind', data ->> '$.scope', data ->> '$.reason'
from staged
where starts_with(type, 'partnership-')
order by position;

-- name: regulation
-- What events say of instruments and licences.
-- reads: regulation-enacted, regulation-amended, regulation-suspended, regulation-resumed, regulation-repealed
-- reads: licence-granted, licence-revoked
insert into regulation_event
select
    position, known_on, ends_on, type, data ->> '$.regulation_id', data ->> '$.licence_id',
    last_day_of(data ->> '$.until'), data
from staged
where starts_with(type, 'regulation-') or starts_with(type, 'licence-')
order by position;

-- name: head
-- How far the projection has read.
update head set position = (select max(position) from staged);
