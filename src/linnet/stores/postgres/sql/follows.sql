-- :name next_change (user_id, change_id) -> value
-- The number of this change: larger than that of any change before, and than those of the user's events still waiting,
-- because the change's own event has this number. Others of the same user wait until this transaction ends. Served by
-- follow_changes_pkey and outbox_pkey.
insert into follow_changes as c (user_id, id)
select %(user_id)s,
    greatest(%(change_id)s, (select coalesce(max(o.id), 0) + 1 from outbox o where o.actor_id = %(user_id)s))
on conflict (user_id) do update set id = greatest(c.id + 1, excluded.id)
returning id;

-- :name insert (follower_id, followed_id, follow_id) -> value
-- Both sides of a follow; 1 when it is new, 0 when it was there. Served by following_pkey.
with new_side as (
    insert into following (user_id, followed_id, id)
    values (%(follower_id)s, %(followed_id)s, %(follow_id)s)
    on conflict do nothing
    returning user_id, followed_id, id
), other_side as (
    insert into followers (user_id, follower_id, id)
    select followed_id, user_id, id from new_side
)
select count(*) from new_side;

-- :name delete (follower_id, followed_id) -> value
-- Both sides of a follow, and the followed one's places on the follower's lists and page; 1 when it was there, 0 when
-- not. Served by following_pkey, followers_pkey, list_members_member and endorsements_pkey.
with old_side as (
    delete from following
    where user_id = %(follower_id)s and followed_id = %(followed_id)s
    returning user_id, followed_id
), other_side as (
    delete from followers f using old_side o
    where f.user_id = %(followed_id)s and f.follower_id = o.user_id
), places as (
    delete from list_members m using old_side o
    where m.user_id = %(follower_id)s and m.member_id = o.followed_id
), shown as (
    delete from endorsements e using old_side o
    where e.user_id = %(follower_id)s and e.other_id = o.followed_id
)
select count(*) from old_side;

-- :name fetch_following (user_id, before_id, page_size) -> many
-- Whom a user follows, newest first. Served by following_newest.
select id, followed_id
from following
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_followers (user_id, before_id, page_size) -> many
-- Who follows a user, newest first. Served by followers_newest.
select id, follower_id
from followers
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_following_above (user_id, after_id, page_size) -> many
-- The ones just above a cursor, oldest first. Served by following_newest.
select id, followed_id
from following
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name fetch_followers_above (user_id, after_id, page_size) -> many
-- The ones just above a cursor, oldest first. Served by followers_newest.
select id, follower_id
from followers
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name fetch_followed_among (user_id, user_ids) -> many
-- Which of these people a user follows. Served by following_pkey.
select followed_id from following where user_id = %(user_id)s and followed_id = any(%(user_ids)s::bigint[]);

-- :name fetch_followers_among (user_id, user_ids) -> many
-- Which of these people follow a user. Served by followers_pkey.
select follower_id from followers where user_id = %(user_id)s and follower_id = any(%(user_ids)s::bigint[]);

-- :name fetch_follower_ids (user_id, above_id, page_size) -> many
-- A user's followers in the order of their ids, to walk through all of them. Served by followers_pkey.
select follower_id
from followers
where user_id = %(user_id)s and follower_id > %(above_id)s
order by follower_id
limit %(page_size)s;
