-- :name fetch_hidden_among (user_id, user_ids) -> many
-- Whom of these people a user blocks ('b'), is blocked by ('a') or mutes ('m'). Served by blocks_pkey, blocked_by_pkey
-- and mutes_pkey.
select blocked_id, 'b' from blocks where user_id = %(user_id)s and blocked_id = any(%(user_ids)s::bigint[])
union all
select blocker_id, 'a' from blocked_by where user_id = %(user_id)s and blocker_id = any(%(user_ids)s::bigint[])
union all
select muted_id, 'm' from mutes where user_id = %(user_id)s and muted_id = any(%(user_ids)s::bigint[]);

-- :name find_block (user_id, other_id) -> value
-- Whether either of two people blocks the other, asked of one's own rows. Served by blocks_pkey and blocked_by_pkey.
select exists (select from blocks where user_id = %(user_id)s and blocked_id = %(other_id)s)
    or exists (select from blocked_by where user_id = %(user_id)s and blocker_id = %(other_id)s);

-- :name insert_block (user_id, blocked_id, block_id) -> value
-- Both sides of a block; 1 when it is new, 0 when it was there. Served by blocks_pkey.
with new_side as (
    insert into blocks (user_id, blocked_id, id)
    values (%(user_id)s, %(blocked_id)s, %(block_id)s)
    on conflict do nothing
    returning user_id, blocked_id, id
), other_side as (
    insert into blocked_by (user_id, blocker_id, id)
    select blocked_id, user_id, id from new_side
)
select count(*) from new_side;

-- :name delete_block (user_id, blocked_id) -> value
-- Both sides of a block; 1 when it was there, 0 when not. Served by blocks_pkey and blocked_by_pkey.
with old_side as (
    delete from blocks
    where user_id = %(user_id)s and blocked_id = %(blocked_id)s
    returning user_id, blocked_id
), other_side as (
    delete from blocked_by b using old_side o
    where b.user_id = %(blocked_id)s and b.blocker_id = o.user_id
)
select count(*) from old_side;

-- :name insert_mute (user_id, muted_id, mute_id, until_ms) -> value
-- The mute's id: it is the given one when it is new; one that was there ends when this one would. Served by mutes_pkey.
insert into mutes (user_id, muted_id, id, until_ms)
values (%(user_id)s, %(muted_id)s, %(mute_id)s, %(until_ms)s)
on conflict (user_id, muted_id) do update set until_ms = excluded.until_ms
returning id;

-- :name delete_mute (user_id, muted_id) -> none
-- One row when it was there, none when not. Served by mutes_pkey.
delete from mutes where user_id = %(user_id)s and muted_id = %(muted_id)s;

-- :name delete_ended_mute (user_id, muted_id, now_ms) -> none
-- One row when it was there and has had its time: whoever made it longer meanwhile wins. Served by mutes_pkey.
delete from mutes where user_id = %(user_id)s and muted_id = %(muted_id)s and until_ms <= %(now_ms)s;

-- :name fetch_ended_mutes (now_ms, page_size) -> many
-- Mutes that have had their time, whosever they are, the oldest first. Served by mutes_ending.
select user_id, muted_id from mutes where until_ms is not null and until_ms <= %(now_ms)s
order by until_ms, user_id, muted_id
limit %(page_size)s;

-- :name fetch_mute_ends (user_id, user_ids) -> many
-- When somebody's mutes of these people end, of those that do. Served by mutes_pkey.
select muted_id, until_ms from mutes
where user_id = %(user_id)s and muted_id = any(%(user_ids)s::bigint[]) and until_ms is not null;

-- :name fetch_blocked (user_id, before_id, page_size) -> many
-- Whom a user blocks, newest first. Served by blocks_newest.
select id, blocked_id
from blocks
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_blocked_above (user_id, after_id, page_size) -> many
-- The ones just above a cursor, oldest first. Served by blocks_newest.
select id, blocked_id
from blocks
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name fetch_muted (user_id, before_id, page_size) -> many
-- Whom a user mutes, newest first. Served by mutes_newest.
select id, muted_id
from mutes
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_muted_above (user_id, after_id, page_size) -> many
-- The ones just above a cursor, oldest first. Served by mutes_newest.
select id, muted_id
from mutes
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;
