-- The tables of a projection. Rows are only ever inserted, each with the position of the event that it comes from.
--
-- position       the event's place in the ledger
-- known_on       when one could know it
-- ends_on        the end of the event (docs/semantics.md, rule 1)
-- basis          0 reported, 1 estimated, 2 assumed: bits, so that what builds on several events carries all of theirs
-- *_value, _low, _high        sums of a figure's parts; 0 where there is nothing to add
-- *_quantified, _unquantified how many postings of each sort stand behind the figure; both 0: no posting
-- integer names  keys of `term`

-- How far the projection has come, and what made it.
create table head (fingerprint varchar not null, position bigint not null);

-- Every identifier and code that figures are grouped by, numbered in the order of first mention.
create table term (number integer not null, word varchar not null);

-- One row an event. id_hash spares a lookup by id the reading of every id.
create table event (
    position bigint not null, id varchar not null, id_hash ubigint not null, type varchar not null,
    recorded_at timestamp not null, effective_on varchar not null, known_on date not null, ends_on date not null,
    basis utinyint not null, corrects varchar
);

-- retracts: the position of the event that is taken back.
create table retraction (
    position bigint not null, known_on date not null, retracts bigint not null, reason varchar
);

-- annotates: the position of the event that the note is about.
create table annotation (
    position bigint not null, known_on date not null, ends_on date not null, annotates bigint not null,
    note varchar not null
);

-- What an event says of an organisation; null where it says nothing, and says_parent and says_same tell "none" from
-- nothing. same_as: the organisation that this record stands for.
create table organization_fact (
    position bigint not null, known_on date not null, ends_on date not null, organization integer not null,
    registers boolean not null, name varchar, country integer, says_parent boolean not null, parent integer,
    says_same boolean not null, same_as integer, names json, identifiers json
);

-- The same of a product; says_maker tells "not known" from nothing.
create table product_fact (
    position bigint not null, known_on date not null, ends_on date not null, product integer not null,
    registers boolean not null, name varchar, says_maker boolean not null, maker integer, category integer,
    foundry varchar
);

-- value, low and high are null unless the attribute is a quantified number; stated is the attribute as recorded; label its
-- text, where it is a word, and else its value as plain text: null where a number is not quantified.
create table product_attribute (
    position bigint not null, known_on date not null, ends_on date not null, product integer not null,
    attribute varchar not null, value decimal(15, 6), low decimal(15, 6), high decimal(15, 6), label integer, stated json not null
);

-- One row a currency that a publication names; the base stands at 1.
create table exchange_rate (
    position bigint not null, known_on date not null, ends_on date not null, currency integer not null,
    rate decimal(25, 10) not null
);

-- buyer: null for a joint order, whose buyers are in joint_buyer.
create table order_placed (
    position bigint not null, known_on date not null, ends_on date not null, basis utinyint not null,
    order_id varchar not null, order_hash ubigint not null, vendor integer not null, currency integer not null,
    buyer integer
);

create table joint_buyer (placed_position bigint not null, buyer integer not null);

create table order_cancelled (
    position bigint not null, known_on date not null, ends_on date not null, basis utinyint not null,
    placed_position bigint not null, reason varchar, regulation_id varchar
);

create table order_allocated (
    position bigint not null, known_on date not null, ends_on date not null, basis utinyint not null,
    placed_position bigint not null, buyer integer not null,
    share_value decimal(15, 6) not null, share_low decimal(15, 6) not null, share_high decimal(15, 6) not null
);

-- line_key: 65,536 times the position of the event that brought the line, plus the line's place in that event.
create table order_line (
    line_key bigint not null, placed_position bigint not null, line varchar not null, product integer,
    deliver_by varchar, known_on date not null, ends_on date not null, basis utinyint not null
);

-- Every movement of a line. kind: 1 brought, 2 changed, 3 received, 4 returned (with its sign turned).
-- A movement counts only where the line's and the order's own events do, so known_on, counts_on (the latest end) and
-- basis are those of all three together; ends_on is the movement's own end.
-- unpriced: a receipt or return without an amount of its own: its amount is derived as of the question (rule 30), and no
-- figure of one stands here.
create table posting (
    position bigint not null, known_on date not null, counts_on date not null, basis utinyint not null,
    ends_on date not null, placed_on date not null, placed_position bigint not null, line_key bigint not null,
    kind utinyint not null, vendor integer not null, product integer, currency integer not null, buyer integer,
    quantity_value decimal(19, 4) not null, quantity_low decimal(19, 4) not null, quantity_high decimal(19, 4) not null,
    quantity_quantified utinyint not null, quantity_unquantified utinyint not null,
    amount_value decimal(19, 4) not null, amount_low decimal(19, 4) not null, amount_high decimal(19, 4) not null,
    amount_quantified utinyint not null, amount_unquantified utinyint not null, unpriced boolean not null
);

-- Lines that are as plain as most: of one buyer, exact, placed in our times, never changed, returned, cancelled or taken
-- back, received in the order of time and not beyond what was ordered. Their movements are simply added up. A line is
-- plain in quantity and in amount separately.
-- quantity, amount   in ten-thousandths: what is ordered, or, negative, received; 0 where the line is not plain in it
-- closes             what is open no more from here on: 1 quantity, 2 amount, 3 both; it counts only where all movements
--                    before it do
create table steady (
    position bigint not null, known_on date not null, counts_on date not null, basis utinyint not null,
    ends_on date not null, placed_on date not null, line_key bigint not null, vendor integer not null, product integer,
    currency integer not null, buyer integer not null, quantity bigint not null, amount bigint not null,
    closes utinyint not null
);

-- Lines that are not, and the event from which on; their movements are judged line by line at every moment.
-- accounts, added up: 1 quantity, 2 amount, 4 the amounts of receipts and returns alone
create table irregular (line_key bigint not null, position bigint not null, accounts utinyint not null);

-- All movements of lines that are irregular in any account, as in posting.
create table irregular_posting as from posting limit 0;

create table supply_asserted (
    position bigint not null, known_on date not null, ends_on date not null, basis utinyint not null,
    assertion_id varchar not null, buyer integer not null, vendor integer not null, currency integer, statement varchar
);

-- An assertion without lines has one here: line null, nothing quantified.
create table supply_line (
    position bigint not null, ordinal integer not null, line varchar, product integer, deliver_by varchar,
    quantity_value decimal(19, 4) not null, quantity_low decimal(19, 4) not null, quantity_high decimal(19, 4) not null,
    quantity_quantified utinyint not null, quantity_unquantified utinyint not null,
    amount_value decimal(19, 4) not null, amount_low decimal(19, 4) not null, amount_high decimal(19, 4) not null,
    amount_quantified utinyint not null, amount_unquantified utinyint not null
);

-- What an event says of a partnership; null where it says nothing.
create table partnership_fact (
    position bigint not null, known_on date not null, ends_on date not null, type varchar not null,
    partnership_id varchar not null, parties varchar[], kind varchar, scope varchar, reason varchar
);

-- Instruments and licences. until_on: the last day of `until`, where given; data: all that the event says.
create table regulation_event (
    position bigint not null, known_on date not null, ends_on date not null, type varchar not null,
    regulation_id varchar not null, licence_id varchar, until_on date, data json not null
);

-- The last and the first day of a day, a month or a year.
create macro last_day_of(period) as
    case length(period)
        when 4 then make_date(period::integer, 12, 31)
        when 7 then last_day((period || '-01')::date)
        else period::date
    end;
create macro first_day_of(period) as
    case length(period)
        when 4 then make_date(period::integer, 1, 1)
        when 7 then (period || '-01')::date
        else period::date
    end;

-- The end of an event (rule 1).
create macro end_of(effective_on, known_on) as
    case
        when starts_with(effective_on, '../') then least(known_on, last_day_of(effective_on[4:]))
        when known_on between first_day_of(effective_on) and last_day_of(effective_on) then known_on
        else last_day_of(effective_on)
    end;

-- The parts of an estimate as stored: a decimal string, or {"value", "low", "high"} as text, or null.
create macro estimated_value(estimate) as
    case when starts_with(estimate, '{') then estimate ->> '$.value' else coalesce(estimate, '0') end;
create macro estimated_low(estimate) as
    case
        when starts_with(estimate, '{') then coalesce(estimate ->> '$.low', estimate ->> '$.value')
        else coalesce(estimate, '0')
    end;
create macro estimated_high(estimate) as
    case
        when starts_with(estimate, '{') then coalesce(estimate ->> '$.high', estimate ->> '$.value')
        else coalesce(estimate, '0')
    end;

-- A figure that is exact; null: an estimate, or none. It spares most lines the reading of three estimates.
create macro exact_figure(estimate) as try_cast(estimate as decimal(19, 4));

-- A figure in ten-thousandths that is exact, above nothing and of a size that is added up quickly; null: any other.
-- Figures of up to nine digits before the point, which most are, take no product of 128 bits.
create macro plain_figure(estimate) as
    case
        when try_cast(estimate as decimal(13, 4)) > 0
            then (try_cast(estimate as decimal(13, 4)) * 10000::decimal(5, 0))::bigint
        when try_cast(estimate as decimal(18, 4)) > 0
            then (try_cast(estimate as decimal(18, 4))::decimal(22, 4) * 10000)::bigint
    end;

-- The number of a term; the text behind a number.
create macro number_of(spelling) as (select term.number from term where term.word = spelling);
create macro word_of(which) as (select term.word from term where term.number = which);

-- Whether something was recorded up to a position, and could be known on a day.
create macro was_known(recorded, known, k, p) as recorded <= p and known <= k;

-- The positions of what is retracted, as of known_on and position.
create macro retracted(k, p) as table
    select retracts from retraction where was_known(position, known_on, k, p);

-- Whether something lies within the three clocks and its basis is not excluded (rules 2 to 4), retracted or not.
create macro within_clocks(recorded, known, ended, t, k, p, basis := 0, excluded := 0) as
    was_known(recorded, known, k, p) and ended <= t and basis & excluded = 0;

-- Whether an event counts (rule 4). Every view asks by this, or by movement_counts.
create macro counts(recorded, known, ended, t, k, p, basis := 0, excluded := 0) as
    within_clocks(recorded, known, ended, t, k, p, basis, excluded) and recorded not in (from retracted(k, p));

-- Whether a movement counts: its event does, and so do the placing and the event that brought the line (rules 7 and 8).
create macro movement_counts(recorded, known, ended, placed, line, t, k, p, basis := 0, excluded := 0) as
    counts(recorded, known, ended, t, k, p, basis, excluded)
    and placed not in (from retracted(k, p))
    and line >> 16 not in (from retracted(k, p));

-- Figures, rates, and attributes or shares as whole numbers: of 1e-4, of 1e-10 and of 1e-6.
-- A figure has up to 38 digits, and none to spare for a factor.
create macro whole_figure(figure) as
    trunc(figure)::hugeint * 10000 + ((figure - trunc(figure)) * 10000)::hugeint;
create macro whole_rate(rate) as (rate::decimal(38, 10) * 10000000000)::hugeint;
create macro whole_factor(factor) as (factor::decimal(38, 6) * 1000000)::hugeint;

-- What `part` of `whole` comes to at `amount` for the whole, all of them in ten-thousandths: four places, half-even, exact
-- (rule 30). whole > 0, amount >= 0. As one would divide by hand, in two steps of ten digits: a product of all digits of
-- two figures does not fit.
create macro dividend_left(amount, part, whole) as
    (((amount % whole) * (abs(part) // 10000000000)) % whole) * 10000000000 + (amount % whole) * (abs(part) % 10000000000);
create macro quotient_of(amount, part, whole) as
    (amount // whole) * abs(part)
    + (((amount % whole) * (abs(part) // 10000000000)) // whole) * 10000000000
    + dividend_left(amount, part, whole) // whole;
create macro rounded_even(number, rest, divisor) as
    number + if(rest > divisor - rest or (rest = divisor - rest and number % 2 = 1), 1, 0);
create macro figure_of(number) as
    (number // 10000)::decimal(38, 4) + ((number % 10000)::decimal(4, 0) * 0.0001)::decimal(38, 4);
create macro apportioned(amount, part, whole) as
    figure_of(
        sign(part)
        * rounded_even(quotient_of(amount, part, whole), dividend_left(amount, part, whole) % whole, whole)
    );

-- The rates at which each currency goes over into another (its number), by the day from which they hold (rule 17): all that
-- are visible, for they are asked for by a day.
create macro rates_as_of(into_currency, k, p) as table
    select
        source.currency, source.ends_on as holds_from, source.position as publication, source.rate as source_rate,
        target.rate as target_rate
    from exchange_rate as source
    join exchange_rate as target on target.position = source.position
    where
        target.currency = into_currency
        and source.currency <> target.currency
        and was_known(source.position, source.known_on, k, p)
        and source.position not in (from retracted(k, p))
    qualify
        row_number() over (
            partition by source.currency, source.ends_on order by source.known_on desc, source.position desc
        ) = 1;

-- Organisations as of effective_on, known_on and position: of each attribute the latest (rule 5).
create macro organizations_as_of(t, k, p) as table
    select
        organization,
        arg_max(name, (ends_on, known_on, position)) filter (name is not null) as name,
        arg_max(country, (ends_on, known_on, position)) filter (country is not null) as country,
        arg_max_null(parent, (ends_on, known_on, position)) filter (says_parent) as parent,
        arg_max(names, (ends_on, known_on, position)) filter (names is not null) as names,
        arg_max(identifiers, (ends_on, known_on, position)) filter (identifiers is not null) as identifiers,
        arg_min(ends_on, (ends_on, known_on, position)) filter (registers) as registered_on
    from organization_fact
    where counts(position, known_on, ends_on, t, k, p)
    group by organization;

-- Records that stand for another organisation, as of known_on and position, whatever the day (rule 59): each with the one
-- at the end of its chain. A record in a circle stands for itself, and ends the chains that lead to it.
-- Each step goes on twice as far as the one before.
create macro records_as_of(k, p) as table
    with recursive linked as materialized (
        select organization, other
        from (
            select organization, arg_max_null(same_as, (ends_on, known_on, position)) as other
            from organization_fact
            where says_same and was_known(position, known_on, k, p) and position not in (from retracted(k, p))
            group by organization
        )
        where other is not null
    ),
    followed (organization, reached, step) as (
        select organization, other, 0 from linked
        union all
        select nearer.organization, coalesce(further.reached, nearer.reached), nearer.step + 1
        from followed as nearer
        left join followed as further on further.organization = nearer.reached
        where nearer.step < (select 1 + ceil(log2(count(*))) from linked)
    ),
    -- After as many steps as there are links, whoever is not at an end is in a circle.
    circular as materialized (
        select distinct reached as organization
        from followed
        where step = (select max(step) from followed) and reached in (select organization from linked)
    ),
    chained as materialized (
        select organization, other from linked where organization not in (select organization from circular)
    ),
    joined (organization, reached, step) as (
        select organization, other, 0 from chained
        union all
        select nearer.organization, coalesce(further.reached, nearer.reached), nearer.step + 1
        from joined as nearer
        left join joined as further on further.organization = nearer.reached
        where nearer.step < (select 1 + ceil(log2(count(*))) from chained)
    )
    select organization as record, reached as organization
    from joined
    where step = (select max(step) from joined);

-- Every organisation that has a parent, with that, where each record gives way to the organisation that it stands for.
create macro owned_as_of(t, k, p) as table
    with record as materialized (
        from records_as_of(k, p)
    )
    select said.organization, coalesce(record.organization, said.parent) as parent
    from organizations_as_of(t, k, p) as said
    left join record on record.record = said.parent
    where said.parent is not null and said.organization not in (select record from record);

-- Some organisations (numbers), each with itself and with everybody above it, found in steps that double.
create macro lineages_as_of(feet, t, k, p) as table
    with recursive owned as materialized (
        select organization, parent from owned_as_of(t, k, p)
    ),
    -- climbed: who is found so far; else who is how far above whom: twice as far in each step as in the one before.
    above (organization, ancestor, climbed, step) as (
        (
            select organization, parent, false, 0 from owned
            union all
            select foot, foot, true, 0 from (select unnest(feet) as foot)
        )
        union all
        (
            select lower.organization, higher.ancestor, lower.climbed, lower.step + 1
            from above as lower
            join above as higher on not higher.climbed and higher.organization = lower.ancestor
            where lower.step < (select ceil(log2(count(*) + 1)) from owned)
            union all
            select organization, ancestor, true, step + 1
            from above
            where climbed and step < (select ceil(log2(count(*) + 1)) from owned)
        )
    )
    select distinct organization, ancestor
    from above
    where climbed and step = (select max(step) from above);

-- The ultimate parent of every organisation that has a parent (rule 6): the last of its lineage, which ends before the one
-- that it has met already.
-- Each step goes up twice as far as the one before: a chain of thousands takes a dozen, and no list of who is above whom.
create macro families_as_of(t, k, p) as table
    with recursive owned as materialized (
        from owned_as_of(t, k, p)
    ),
    climbed (organization, top, step) as (
        select organization, parent, 0 from owned
        union all
        select lower.organization, coalesce(higher.top, lower.top), lower.step + 1
        from climbed as lower
        left join climbed as higher on higher.organization = lower.top
        where
            lower.step < (select 1 + ceil(log2(count(*))) from owned)
            and (select count(*) from climbed as still join owned on owned.organization = still.top) > 0
    ),
    -- After as many steps as there are owners, whoever is not at the top is in a circle.
    circular as materialized (
        select distinct top as organization
        from climbed
        where step = (select max(step) from climbed) and top in (select organization from owned)
    ),
    upward as materialized (
        select organization, parent from owned where organization not in (select organization from circular)
    ),
    entered (organization, top, step) as (
        select organization, parent, 0 from upward where exists (select 1 from circular)
        union all
        select lower.organization, coalesce(higher.top, lower.top), lower.step + 1
        from entered as lower
        left join entered as higher on higher.organization = lower.top
        where lower.step < (select 1 + ceil(log2(count(*))) from upward)
    )
    select climbed.organization, coalesce(last.organization, climbed.top) as family
    from climbed
    left join (
        select organization, top from entered where step = (select max(step) from entered)
        union all
        select organization, organization from circular
    ) as entry on entry.organization = climbed.organization and climbed.top in (select organization from circular)
    -- The one in the circle whose parent is the first that is met of it.
    left join owned as last
        on last.parent = entry.top and last.organization in (select organization from circular)
    where climbed.step = (select max(step) from climbed);

-- The organisations that are below some others (numbers), at any distance.
create macro below_as_of(heads, t, k, p) as table
    with recursive owned as materialized (
        select organization, parent from owned_as_of(t, k, p)
    ),
    above (organization, top, below, step) as (
        select organization, parent, parent in (select unnest(heads)), 0 from owned
        union all
        select
            lower.organization,
            coalesce(higher.top, lower.top),
            lower.below or coalesce(higher.below, false),
            lower.step + 1
        from above as lower
        left join above as higher on higher.organization = lower.top
        where
            lower.step < (select 1 + ceil(log2(count(*))) from owned)
            and (select count(*) from above as still join owned on owned.organization = still.top) > 0
    )
    select distinct organization from above where below;

-- Products as of effective_on, known_on and position (rule 5).
create macro products_as_of(t, k, p) as table
    select
        product,
        arg_max(name, (ends_on, known_on, position)) filter (name is not null) as name,
        arg_max_null(maker, (ends_on, known_on, position)) filter (says_maker) as maker,
        arg_max(category, (ends_on, known_on, position)) filter (category is not null) as category,
        arg_max(foundry, (ends_on, known_on, position)) filter (foundry is not null) as foundry,
        arg_min(ends_on, (ends_on, known_on, position)) filter (registers) as registered_on
    from product_fact
    where counts(position, known_on, ends_on, t, k, p)
    group by product;

-- The attributes of products as of effective_on, known_on and position, each from the latest event that names it.
create macro attributes_as_of(t, k, p) as table
    select
        product,
        attribute,
        arg_max_null(value, (ends_on, known_on, position)) as value,
        arg_max_null(low, (ends_on, known_on, position)) as low,
        arg_max_null(high, (ends_on, known_on, position)) as high,
        arg_max_null(label, (ends_on, known_on, position)) as label,
        arg_max(stated, (ends_on, known_on, position)) as stated
    from product_attribute
    where counts(position, known_on, ends_on, t, k, p)
    group by product, attribute;
