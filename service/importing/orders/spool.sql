-- Rows put aside in a temporary database of SQLite.

-- name: table
-- Rows in the order in which they came.
create table spooled (place integer primary key, name text not null, content blob not null)

-- name: groups
-- Groups in the order of their first rows, rows in the order in which they came.
select spooled.name, spooled.content
from spooled
join (select name, min(place) as first from spooled group by name) as met on met.name = spooled.name
order by met.first, spooled.place

-- name: contents
-- All rows in the order in which they came.
select content from spooled order by place

-- name: has
-- Whether there is a row of a name.
select exists (select place from spooled where name = ?)
