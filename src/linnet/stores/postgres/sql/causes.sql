-- :name fetch_below (user_id, kinds, before_id, page_size) -> many
-- What of some kinds concerns a user, each cause by itself, of people who may be met. Served by notifications_newest, and
-- mutes_pkey, blocks_pkey and blocked_by_pkey for each.
select n.id, n.kind, n.group_id, n.actor_id
from notifications n
where n.user_id = %(user_id)s and n.id < %(before_id)s and n.kind = any(%(kinds)s::text[])
    and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.actor_id)
    and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.actor_id)
    and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.actor_id)
order by n.id desc
limit %(page_size)s;

-- :name fetch_above (user_id, kinds, after_id, page_size) -> many
-- The same just above a cursor, the oldest first. Served by notifications_newest, and mutes_pkey, blocks_pkey and
-- blocked_by_pkey for each.
select n.id, n.kind, n.group_id, n.actor_id
from notifications n
where n.user_id = %(user_id)s and n.id > %(after_id)s and n.kind = any(%(kinds)s::text[])
    and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.actor_id)
    and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.actor_id)
    and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.actor_id)
order by n.id
limit %(page_size)s;
