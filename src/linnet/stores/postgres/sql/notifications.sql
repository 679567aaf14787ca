-- :name lock_states (user_ids, wanted, floor) -> many
-- Gives each user so many new ids, and holds their notifications until the commit; returns the last id of each, which is
-- larger than before in any case. Locks in the order of user ids. Served by notification_states_pkey.
insert into notification_states as s (user_id, last_id)
select w.user_id, %(floor)s::bigint + w.wanted
from (
    select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(wanted)s::bigint[]) as wanted
) w
order by w.user_id
on conflict (user_id) do update
    set last_id = greatest(excluded.last_id, s.last_id + greatest(excluded.last_id - %(floor)s::bigint, 1))
returning user_id, last_id;

-- :name fetch_follows (follower_ids, followed_ids) -> many
-- Which of these people follow which of those, and since when. Served by following_pkey.
select user_id, followed_id, id from following
where user_id = any(%(follower_ids)s::bigint[]) and followed_id = any(%(followed_ids)s::bigint[]);

-- :name fetch_present (user_ids) -> many
-- Those who are there, and are not being erased. Served by users_pkey.
select id from users where id = any(%(user_ids)s::bigint[]) and deleted_ms is null;

-- :name fetch_blocks (user_ids) -> many
-- Who of these people blocks whom of them. Served by blocks_pkey.
select user_id, blocked_id from blocks
where user_id = any(%(user_ids)s::bigint[]) and blocked_id = any(%(user_ids)s::bigint[]);

-- :name insert_mentions (user_ids, tweet_ids, author_ids) -> many
-- Who is mentioned where; returns what was not there. Served by mentions_pkey.
insert into mentions (user_id, tweet_id, author_id)
select unnest(%(user_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]), unnest(%(author_ids)s::bigint[])
on conflict do nothing
returning user_id, tweet_id;

-- :name delete_other_mentions (author_ids, tweet_ids, kept_user_ids, kept_tweet_ids) -> many
-- Takes back whom edited tweets do not mention any longer; returns who that was, and where. Served by mentions_of_tweet.
delete from mentions
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[])
    and (user_id, tweet_id) not in (select unnest(%(kept_user_ids)s::bigint[]), unnest(%(kept_tweet_ids)s::bigint[]))
returning user_id, tweet_id;

-- :name delete_mentions (author_ids, tweet_ids) -> many
-- Takes the mentions of deleted tweets back; returns who was mentioned where. Served by mentions_of_tweet.
delete from mentions
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[])
returning user_id, tweet_id;

-- :name insert (user_ids, kinds, group_ids, actor_ids, ids) -> many
-- New causes; returns those that were not there. Served by notifications_pkey.
insert into notifications (user_id, kind, group_id, actor_id, id)
select unnest(%(user_ids)s::bigint[]), unnest(%(kinds)s::text[]), unnest(%(group_ids)s::bigint[]),
    unnest(%(actor_ids)s::bigint[]), unnest(%(ids)s::bigint[])
on conflict do nothing
returning user_id, kind, group_id, id;

-- :name delete (user_ids, kinds, group_ids, actor_ids) -> many
-- Causes that ended; returns the groups of those that were there. Served by notifications_pkey.
delete from notifications n
using (
    select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(kinds)s::text[]) as kind,
        unnest(%(group_ids)s::bigint[]) as group_id, unnest(%(actor_ids)s::bigint[]) as actor_id
) d
where n.user_id = d.user_id and n.kind = d.kind and n.group_id = d.group_id and n.actor_id = d.actor_id
returning n.user_id, n.kind, n.group_id;

-- :name delete_follows (user_ids, actor_ids) -> many
-- What follows that ended had caused, on whatever day. Served by notifications_by_actor.
delete from notifications n
using (select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(actor_ids)s::bigint[]) as actor_id) d
where n.user_id = d.user_id and n.actor_id = d.actor_id and n.kind = 'followed'
returning n.user_id, n.kind, n.group_id;

-- :name delete_between (user_ids, actor_ids) -> many
-- All that somebody's doings had caused for somebody else. Served by notifications_by_actor.
delete from notifications n
using (select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(actor_ids)s::bigint[]) as actor_id) d
where n.user_id = d.user_id and n.actor_id = d.actor_id
returning n.user_id, n.kind, n.group_id;

-- :name delete_about (user_ids, kinds, tweet_ids, page_size) -> many
-- What tweets that are gone had caused, some at a time. Served by notifications_pkey.
delete from notifications
where (user_id, kind, group_id, actor_id) in (
    select user_id, kind, group_id, actor_id from notifications
    where user_id = any(%(user_ids)s::bigint[]) and kind = any(%(kinds)s::text[])
        and group_id = any(%(tweet_ids)s::bigint[])
    limit %(page_size)s
)
returning user_id, kind, group_id;

-- :name grow_groups (user_ids, kinds, group_ids, newest_ids, added) -> none
-- Groups have new causes. Served by notification_groups_pkey.
insert into notification_groups as g (user_id, kind, group_id, newest_id, people_count)
select unnest(%(user_ids)s::bigint[]), unnest(%(kinds)s::text[]), unnest(%(group_ids)s::bigint[]),
    unnest(%(newest_ids)s::bigint[]), unnest(%(added)s::bigint[])
on conflict (user_id, kind, group_id) do update
    set newest_id = greatest(g.newest_id, excluded.newest_id), people_count = g.people_count + excluded.people_count;

-- :name shrink_groups (user_ids, kinds, group_ids, removed) -> none
-- Groups lost causes: each is now as its newest cause left; empty ones go with delete_empty_groups. Served by
-- notification_groups_pkey and notifications_of_group.
update notification_groups g
set people_count = g.people_count - d.removed,
    newest_id = coalesce((
        select max(n.id) from notifications n
        where n.user_id = g.user_id and n.kind = g.kind and n.group_id = g.group_id
    ), 0)
from (
    select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(kinds)s::text[]) as kind,
        unnest(%(group_ids)s::bigint[]) as group_id, unnest(%(removed)s::bigint[]) as removed
) d
where g.user_id = d.user_id and g.kind = d.kind and g.group_id = d.group_id;

-- :name delete_empty_groups (user_ids) -> none
-- Groups that lost their last cause. Served by notification_groups_newest.
delete from notification_groups where user_id = any(%(user_ids)s::bigint[]) and newest_id = 0;

-- :name date_back (user_ids) -> none
-- What these people were told of each other becomes as old as its cause. Served by notifications_by_actor, and likes_pkey,
-- retweets_pkey, following_pkey and follow_requests_pkey for each.
update notifications n
set id = coalesce(
    case n.kind
        when 'liked' then (select l.id from likes l where l.user_id = n.actor_id and l.tweet_id = n.group_id)
        when 'retweeted' then (
            select r.retweet_id from retweets r
            where r.author_id = n.user_id and r.tweet_id = n.group_id and r.user_id = n.actor_id
        )
        when 'followed' then (
            select f.id from following f where f.user_id = n.actor_id and f.followed_id = n.user_id
        )
        when 'requested' then (
            select r.id from follow_requests r where r.user_id = n.actor_id and r.followed_id = n.user_id
        )
        when 'poll_ended' then n.id
        else n.group_id
    end,
    n.id
)
where n.user_id = any(%(user_ids)s::bigint[]) and n.actor_id = any(%(user_ids)s::bigint[]);

-- :name date_groups_back (user_ids) -> none
-- Groups are as new as the newest of their causes again. Served by notification_groups_newest and notifications_of_group.
update notification_groups g
set newest_id = (
    select max(n.id) from notifications n
    where n.user_id = g.user_id and n.kind = g.kind and n.group_id = g.group_id
)
where g.user_id = any(%(user_ids)s::bigint[]);

-- :name find_newest (user_id) -> value
-- The newest cause by somebody who may be met. Walks over those of others. Served by notifications_newest, and mutes_pkey,
-- blocks_pkey and blocked_by_pkey for each.
select n.id
from notifications n
where n.user_id = %(user_id)s
    and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.actor_id)
    and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.actor_id)
    and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.actor_id)
order by n.id desc
limit 1;

-- :name fetch_groups (user_id, kinds, before_id, page_size) -> many
-- A user's groups of some kinds, the one with the newest cause first. Served by notification_groups_newest.
select kind, group_id, newest_id, people_count
from notification_groups
where user_id = %(user_id)s and newest_id < %(before_id)s and kind = any(%(kinds)s::text[])
order by newest_id desc
limit %(page_size)s;

-- :name fetch_groups_above (user_id, kinds, after_id, page_size) -> many
-- The same just above a cursor, the oldest first. Served by notification_groups_newest.
select kind, group_id, newest_id, people_count
from notification_groups
where user_id = %(user_id)s and newest_id > %(after_id)s and kind = any(%(kinds)s::text[])
order by newest_id
limit %(page_size)s;

-- :name find_group (user_id, kind, group_id) -> one
-- One of a user's groups. Served by notification_groups_pkey.
select kind, group_id, newest_id, people_count
from notification_groups
where user_id = %(user_id)s and kind = %(kind)s and group_id = %(group_id)s;

-- :name fetch_people (user_id, kind, group_id, page_size) -> many
-- Who is in a group and may be met, the newest first. Served by notifications_of_group, and mutes_pkey, blocks_pkey and
-- blocked_by_pkey for each.
select n.actor_id
from notifications n
where n.user_id = %(user_id)s and n.kind = %(kind)s and n.group_id = %(group_id)s
    and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.actor_id)
    and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.actor_id)
    and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.actor_id)
order by n.id desc
limit %(page_size)s;

-- :name count_unmet (user_id, kind, group_id) -> value
-- How many of a group may not be met. Walks the people whom the user keeps away. Served by mutes_pkey, blocks_pkey,
-- blocked_by_pkey and notifications_pkey.
select count(*)
from (
    select muted_id as id from mutes where user_id = %(user_id)s
    union select blocked_id from blocks where user_id = %(user_id)s
    union select blocker_id from blocked_by where user_id = %(user_id)s
) a
join notifications n
    on n.user_id = %(user_id)s and n.kind = %(kind)s and n.group_id = %(group_id)s and n.actor_id = a.id;

-- :name find_state (user_id) -> one
-- The last id given, and up to which the user has read. Served by notification_states_pkey.
select last_id, read_id from notification_states where user_id = %(user_id)s;

-- :name mark_read (user_id, up_to_id) -> value
-- Reads up to an id, never further than there is something; nothing when one has read so far already. Served by
-- notification_states_pkey.
update notification_states
set read_id = least(%(up_to_id)s, last_id)
where user_id = %(user_id)s and read_id < least(%(up_to_id)s, last_id)
returning read_id;

-- :name count_unread (user_id, read_id, page_size) -> value
-- In how many groups there is something new from somebody who may be met, counting among the newest causes. Served by
-- notifications_newest.
select count(distinct (n.kind, n.group_id))
from (
    select kind, group_id, actor_id from notifications
    where user_id = %(user_id)s and id > %(read_id)s
    order by id desc
    limit %(page_size)s
) n
where not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.actor_id)
    and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.actor_id)
    and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.actor_id);

-- :name count_new (user_id, page_size) -> one
-- The same for whoever reads nothing but the number, in one round trip, and of which moment it is: the last id given.
-- Served by notification_states_pkey and notifications_newest.
select coalesce((select s.last_id from notification_states s where s.user_id = %(user_id)s), 0),
    count(distinct (n.kind, n.group_id))
from (
    select kind, group_id, actor_id from notifications
    where user_id = %(user_id)s
        and id > coalesce((select s.read_id from notification_states s where s.user_id = %(user_id)s), 0)
    order by id desc
    limit %(page_size)s
) n
where not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.actor_id)
    and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.actor_id)
    and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.actor_id);
