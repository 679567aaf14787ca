-- :name fetch_hidden_among (user_id, user_ids) -> many
-- Whom of these people a user blocks, is blocked by ('b') or mutes ('m'). Served by blocks_pkey, blocked_by_pkey and
-- mutes_pkey.
select blocked_id, 'b' from blocks where user_id = %(user_id)s and blocked_id = any(%(user_ids)s::bigint[])
union all
select blocker_id, 'b' from blocked_by where user_id = %(user_id)s and blocker_id = any(%(user_ids)s::bigint[])
union all
select muted_id, 'm' from mutes where user_id = %(user_id)s and muted_id = any(%(user_ids)s::bigint[]);

-- :name fetch_kept_away (user_id) -> many
-- Everybody whom a user blocks, is blocked by or mutes: the home timeline leaves them out. Served by blocks_pkey,
-- blocked_by_pkey and mutes_pkey.
select blocked_id from blocks where user_id = %(user_id)s
union
select blocker_id from blocked_by where user_id = %(user_id)s
union
select muted_id from mutes where user_id = %(user_id)s;
