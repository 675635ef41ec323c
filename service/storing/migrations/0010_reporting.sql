-- Reports: plain tables of what the ledger comes to, for programs that make reports of tables. They are no part of the
-- ledger: the service fills and empties them, and they can be made anew at any time (service/reporting).

create schema if not exists reporting;
comment on schema reporting is
    'What the ledger comes to as of reporting.published, made anew by daybook reporting publish.';
revoke all on schema reporting from public;

create table reporting.order_lines (
    order_id text collate "C" not null,
    line text collate "C" not null,
    status text collate "C",
    buyer_id text collate "C",
    buyers text,
    vendor_id text collate "C",
    product_id text collate "C",
    currency text collate "C",
    placed_on date,
    deliver_by text collate "C",
    cancelled_on date,
    ordered_quantity numeric,
    ordered_amount numeric,
    received_quantity numeric,
    received_amount numeric,
    returned_quantity numeric,
    returned_amount numeric,
    delivered_quantity numeric,
    delivered_amount numeric,
    open_quantity numeric,
    open_amount numeric,
    cancelled_quantity numeric,
    cancelled_amount numeric,
    ordered_quantity_low numeric,
    ordered_quantity_high numeric,
    ordered_amount_low numeric,
    ordered_amount_high numeric,
    received_quantity_low numeric,
    received_quantity_high numeric,
    received_amount_low numeric,
    received_amount_high numeric,
    delivered_quantity_low numeric,
    delivered_quantity_high numeric,
    delivered_amount_low numeric,
    delivered_amount_high numeric,
    open_quantity_low numeric,
    open_quantity_high numeric,
    open_amount_low numeric,
    open_amount_high numeric,
    cancelled_quantity_low numeric,
    cancelled_quantity_high numeric,
    cancelled_amount_low numeric,
    cancelled_amount_high numeric,
    over_received boolean,
    reduced_below_zero boolean,
    basis text collate "C",
    primary key (order_id, line)
);
comment on table reporting.order_lines is
    'A line of an order, with what was ordered, received, returned, cancelled and is open.';
comment on column reporting.order_lines.order_id is 'The order.';
comment on column reporting.order_lines.line is 'The line of the order.';
comment on column reporting.order_lines.status is
    'Of the order: open, delivered, returned, void or cancelled.';
comment on column reporting.order_lines.buyer_id is
    'The buyer, organizations.organization_id; null: there are several.';
comment on column reporting.order_lines.buyers is 'All buyers, by their ids.';
comment on column reporting.order_lines.vendor_id is 'The vendor, organizations.organization_id.';
comment on column reporting.order_lines.product_id is 'The product, products.product_id; null: not told.';
comment on column reporting.order_lines.currency is 'Of the amounts: ISO 4217.';
comment on column reporting.order_lines.placed_on is
    'The last day on which the order may have been placed.';
comment on column reporting.order_lines.deliver_by is
    'Until when it is to be delivered: a day, a month or a year; null: not told.';
comment on column reporting.order_lines.cancelled_on is 'The day of the cancellation; null: none.';
comment on column reporting.order_lines.ordered_quantity is
    'The quantity of what was ordered, of a cancelled order what was kept; null: not known.';
comment on column reporting.order_lines.ordered_amount is
    'The amount of what was ordered, of a cancelled order what was kept; null: not known.';
comment on column reporting.order_lines.received_quantity is
    'The quantity of what arrived; null: not known.';
comment on column reporting.order_lines.received_amount is 'The amount of what arrived; null: not known.';
comment on column reporting.order_lines.returned_quantity is
    'The quantity of what went back; null: not known.';
comment on column reporting.order_lines.returned_amount is
    'The amount of what went back; null: not known.';
comment on column reporting.order_lines.delivered_quantity is
    'The quantity of what arrived and was kept; null: not known.';
comment on column reporting.order_lines.delivered_amount is
    'The amount of what arrived and was kept; null: not known.';
comment on column reporting.order_lines.open_quantity is
    'The quantity of what is ordered and not delivered; null: not known.';
comment on column reporting.order_lines.open_amount is
    'The amount of what is ordered and not delivered; null: not known.';
comment on column reporting.order_lines.cancelled_quantity is
    'The quantity of what was still to come of an order that was cancelled; null: not known.';
comment on column reporting.order_lines.cancelled_amount is
    'The amount of what was still to come of an order that was cancelled; null: not known.';
comment on column reporting.order_lines.ordered_quantity_low is
    'The quantity of what was ordered, of a cancelled order what was kept: at least.';
comment on column reporting.order_lines.ordered_quantity_high is
    'The quantity of what was ordered, of a cancelled order what was kept: at most, null: no bound.';
comment on column reporting.order_lines.ordered_amount_low is
    'The amount of what was ordered, of a cancelled order what was kept: at least.';
comment on column reporting.order_lines.ordered_amount_high is
    'The amount of what was ordered, of a cancelled order what was kept: at most, null: no bound.';
comment on column reporting.order_lines.received_quantity_low is 'The quantity of what arrived: at least.';
comment on column reporting.order_lines.received_quantity_high is
    'The quantity of what arrived: at most, null: no bound.';
comment on column reporting.order_lines.received_amount_low is 'The amount of what arrived: at least.';
comment on column reporting.order_lines.received_amount_high is
    'The amount of what arrived: at most, null: no bound.';
comment on column reporting.order_lines.delivered_quantity_low is
    'The quantity of what arrived and was kept: at least.';
comment on column reporting.order_lines.delivered_quantity_high is
    'The quantity of what arrived and was kept: at most, null: no bound.';
comment on column reporting.order_lines.delivered_amount_low is
    'The amount of what arrived and was kept: at least.';
comment on column reporting.order_lines.delivered_amount_high is
    'The amount of what arrived and was kept: at most, null: no bound.';
comment on column reporting.order_lines.open_quantity_low is
    'The quantity of what is ordered and not delivered: at least.';
comment on column reporting.order_lines.open_quantity_high is
    'The quantity of what is ordered and not delivered: at most, null: no bound.';
comment on column reporting.order_lines.open_amount_low is
    'The amount of what is ordered and not delivered: at least.';
comment on column reporting.order_lines.open_amount_high is
    'The amount of what is ordered and not delivered: at most, null: no bound.';
comment on column reporting.order_lines.cancelled_quantity_low is
    'The quantity of what was still to come of an order that was cancelled: at least.';
comment on column reporting.order_lines.cancelled_quantity_high is
    'The quantity of what was still to come of an order that was cancelled: at most, null: no bound.';
comment on column reporting.order_lines.cancelled_amount_low is
    'The amount of what was still to come of an order that was cancelled: at least.';
comment on column reporting.order_lines.cancelled_amount_high is
    'The amount of what was still to come of an order that was cancelled: at most, null: no bound.';
comment on column reporting.order_lines.over_received is
    'Whether certainly more arrived and was kept than was ordered.';
comment on column reporting.order_lines.reduced_below_zero is
    'Whether amendments took off more than there was.';
comment on column reporting.order_lines.basis is
    'How the placing is known: reported, estimated or assumed.';

create table reporting.organizations (
    organization_id text collate "C" not null,
    name text,
    country text collate "C",
    parent_id text collate "C",
    ultimate_parent_id text collate "C",
    same_as text collate "C",
    registered_on date,
    primary key (organization_id)
);
comment on table reporting.organizations is
    'A buyer, a vendor, or who owns them.';
comment on column reporting.organizations.organization_id is 'The organisation.';
comment on column reporting.organizations.name is 'Its name; null: not told.';
comment on column reporting.organizations.country is 'ISO 3166-1 alpha-2; ZZ: not known.';
comment on column reporting.organizations.parent_id is 'The organisation that owns it; null: none is known.';
comment on column reporting.organizations.ultimate_parent_id is
    'The last of its owners'' owners; null: none is known.';
comment on column reporting.organizations.same_as is
    'The organisation that this record stands for; null: itself.';
comment on column reporting.organizations.registered_on is 'The day of its registration.';

create table reporting.products (
    product_id text collate "C" not null,
    name text,
    vendor_id text collate "C",
    category text collate "C",
    foundry text,
    registered_on date,
    primary key (product_id)
);
comment on table reporting.products is
    'What is bought.';
comment on column reporting.products.product_id is 'The product.';
comment on column reporting.products.name is 'Its name.';
comment on column reporting.products.vendor_id is
    'Its maker, organizations.organization_id; null: not told.';
comment on column reporting.products.category is 'Its category; null: none.';
comment on column reporting.products.foundry is 'Who makes its chips, where that is told.';
comment on column reporting.products.registered_on is 'The day of its registration.';

create table reporting.dependence_by_month (
    month date,
    as_of date,
    buyer_id text collate "C",
    vendor_id text collate "C",
    vendor_name text,
    currency text collate "C",
    value numeric,
    low numeric,
    high numeric,
    share numeric,
    share_low numeric,
    share_high numeric,
    restricted text collate "C"
);
comment on table reporting.dependence_by_month is
    'What was ordered of a vendor up to the end of a month, and its share: rows of one month add up.';
comment on column reporting.dependence_by_month.month is 'The first day of the month.';
comment on column reporting.dependence_by_month.as_of is
    'The day that the figures are of: the month''s last, of the month that goes on the day of the report.';
comment on column reporting.dependence_by_month.buyer_id is 'The buyer; null: the whole market.';
comment on column reporting.dependence_by_month.vendor_id is
    'The vendor, organizations.organization_id; null: not told.';
comment on column reporting.dependence_by_month.vendor_name is 'Its name on that day.';
comment on column reporting.dependence_by_month.currency is 'Of the amounts: ISO 4217.';
comment on column reporting.dependence_by_month.value is 'The amount ordered up to that day; null: not known.';
comment on column reporting.dependence_by_month.low is 'At least.';
comment on column reporting.dependence_by_month.high is 'At most; null: no bound.';
comment on column reporting.dependence_by_month.share is 'Of the whole, from 0 to 1; null: not known.';
comment on column reporting.dependence_by_month.share_low is 'At least.';
comment on column reporting.dependence_by_month.share_high is 'At most.';
comment on column reporting.dependence_by_month.restricted is
    'Whether a rule bars it: yes, no, undetermined or partly.';

create table reporting.exposure_orders (
    order_id text collate "C",
    assertion_id text collate "C",
    line text collate "C",
    buyers text,
    vendor_id text collate "C",
    vendor_name text,
    product_id text collate "C",
    currency text collate "C",
    value numeric,
    low numeric,
    high numeric,
    placed_on date,
    deliver_by text collate "C",
    restricted text collate "C",
    rules text,
    missing text
);
comment on table reporting.exposure_orders is
    'A line of an order or assertion with what of it is open, and whether a rule bars it on that day.';
comment on column reporting.exposure_orders.order_id is 'The order; null: it is of an assertion.';
comment on column reporting.exposure_orders.assertion_id is 'The supply assertion; null: it is of an order.';
comment on column reporting.exposure_orders.line is 'The line of the order.';
comment on column reporting.exposure_orders.buyers is 'The buyers, by their ids.';
comment on column reporting.exposure_orders.vendor_id is 'The vendor, organizations.organization_id.';
comment on column reporting.exposure_orders.vendor_name is 'Its name.';
comment on column reporting.exposure_orders.product_id is 'The product, products.product_id; null: not told.';
comment on column reporting.exposure_orders.currency is 'Of the amounts: ISO 4217.';
comment on column reporting.exposure_orders.value is 'The amount that is open; null: not known.';
comment on column reporting.exposure_orders.low is 'At least.';
comment on column reporting.exposure_orders.high is 'At most; null: no bound.';
comment on column reporting.exposure_orders.placed_on is 'The last day on which it may have been placed.';
comment on column reporting.exposure_orders.deliver_by is 'Until when it is to be delivered; null: not told.';
comment on column reporting.exposure_orders.restricted is 'Whether a rule bars it: yes, no or undetermined.';
comment on column reporting.exposure_orders.rules is 'The rules that say so or may, as JSON.';
comment on column reporting.exposure_orders.missing is 'What is not known of it that a rule asks for.';

create table reporting.published (
    position bigint,
    effective_on date,
    known_on date,
    recorded_at timestamptz,
    currency text collate "C",
    months bigint,
    buyers text,
    made_by text collate "C"
);
comment on table reporting.published is
    'As of when all tables of this schema are: one row, which changes together with them.';
comment on column reporting.published.position is 'What the ledger had recorded up to this position.';
comment on column reporting.published.effective_on is
    'What was so in the world up to and including this day.';
comment on column reporting.published.known_on is 'What could be known on this day; null: no limit.';
comment on column reporting.published.recorded_at is
    'When the event at the position was recorded; null: there is none.';
comment on column reporting.published.currency is 'Of dependence_by_month and exposure_orders.';
comment on column reporting.published.months is 'How many months dependence_by_month has.';
comment on column reporting.published.buyers is
    'The buyers of dependence_by_month, besides the whole market.';
comment on column reporting.published.made_by is 'The version of Daybook.';

create index order_lines_vendor on reporting.order_lines (vendor_id);
create index order_lines_placed_on on reporting.order_lines (placed_on);
create index dependence_by_month_month on reporting.dependence_by_month (month);

revoke all on all tables in schema reporting from public;
grant usage on schema reporting to daybook_service;
grant select, insert, delete on all tables in schema reporting to daybook_service;
