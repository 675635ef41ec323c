-- name: words
-- The ids behind numbers.
select number, word from term where number in (select unnest($numbers::integer[]))
