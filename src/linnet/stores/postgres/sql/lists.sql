-- :name insert (user_id, list_id, title, replies, exclusive) -> none
-- One row; none for somebody who is leaving. Served by users_pkey.
insert into lists (user_id, id, title, replies, exclusive)
select u.id, %(list_id)s, %(title)s, %(replies)s, %(exclusive)s from users u
where u.id = %(user_id)s and u.deleted_ms is null;

-- :name update (user_id, list_id, title, replies, exclusive) -> none
-- One row when it is there. Served by lists_pkey.
update lists set title = %(title)s, replies = %(replies)s, exclusive = %(exclusive)s
where user_id = %(user_id)s and id = %(list_id)s;

-- :name delete (user_id, list_id) -> value
-- The list and its members; 1 when it was there, 0 when not. Served by lists_pkey and list_members_pkey.
with gone as (
    delete from lists where user_id = %(user_id)s and id = %(list_id)s returning user_id, id
), members as (
    delete from list_members m using gone g where m.user_id = %(user_id)s and m.list_id = g.id
)
select count(*) from gone;

-- :name find (user_id, list_id) -> one
-- One of somebody's lists. Served by lists_pkey.
select id, title, replies, exclusive from lists where user_id = %(user_id)s and id = %(list_id)s;

-- :name count (user_id) -> value
-- How many lists somebody has. Served by lists_pkey alone.
select count(*) from lists where user_id = %(user_id)s;

-- :name fetch_by_user (user_id, page_size) -> many
-- Somebody's lists, the oldest first. Served by lists_pkey.
select id, title, replies, exclusive from lists where user_id = %(user_id)s
order by id
limit %(page_size)s;

-- :name fetch_with_member (user_id, member_id, page_size) -> many
-- Those of somebody's lists that somebody else is on, the oldest first. Served by lists_pkey and list_members_member.
select l.id, l.title, l.replies, l.exclusive
from list_members m
join lists l on l.user_id = m.user_id and l.id = m.list_id
where m.user_id = %(user_id)s and m.member_id = %(member_id)s
order by l.id
limit %(page_size)s;

-- :name insert_members (user_id, list_id, member_ids, place_ids) -> none
-- A row for each who was not there. Served by list_members_pkey.
insert into list_members (user_id, list_id, member_id, id)
select %(user_id)s, %(list_id)s, m.member_id, m.id
from (select unnest(%(member_ids)s::bigint[]) as member_id, unnest(%(place_ids)s::bigint[]) as id) m
on conflict do nothing;

-- :name delete_members (user_id, list_id, member_ids) -> none
-- A row for each who was there. Served by list_members_pkey.
delete from list_members
where user_id = %(user_id)s and list_id = %(list_id)s and member_id = any(%(member_ids)s::bigint[]);

-- :name fetch_members (user_id, list_id, before_id, page_size) -> many
-- Who is on a list, whoever came last first. Served by list_members_newest.
select id, member_id from list_members
where user_id = %(user_id)s and list_id = %(list_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_members_above (user_id, list_id, after_id, page_size) -> many
-- The ones just above a cursor, oldest first. Served by list_members_newest.
select id, member_id from list_members
where user_id = %(user_id)s and list_id = %(list_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name find_members (user_id, list_id) -> one
-- Whose tweets a list shows, to whom replies are shown, and whom its owner keeps away, all of one moment. Served by
-- lists_pkey, list_members_newest, following_pkey, blocks_pkey, blocked_by_pkey and mutes_pkey.
select
    l.replies,
    array(select m.member_id from list_members m where m.user_id = %(user_id)s and m.list_id = %(list_id)s),
    array(select f.followed_id from following f where f.user_id = %(user_id)s and l.replies = 'followed'),
    array(
        select b.blocked_id from blocks b where b.user_id = %(user_id)s
        union
        select b.blocker_id from blocked_by b where b.user_id = %(user_id)s
        union
        select m.muted_id from mutes m where m.user_id = %(user_id)s
    )
from lists l
where l.user_id = %(user_id)s and l.id = %(list_id)s;

-- :name fetch_oracle (user_id, list_id, before_id, page_size) -> many
-- The definition of a list's timeline (docs/decisions/0038-lists-and-filters.md): every page of it that linnet serves equals a page of
-- this. Slow on purpose: it leans on nothing but the truth.
select t.id, t.author_id, coalesce(t.reply_to_author_id, t.retweet_of_author_id, 0), coalesce(t.retweet_of_id, 0)
from tweets t
join lists l on l.user_id = %(user_id)s and l.id = %(list_id)s
where t.id < %(before_id)s
    and t.visibility is distinct from 'direct'
    and exists (
        select from list_members m where m.user_id = %(user_id)s and m.list_id = l.id and m.member_id = t.author_id
    )
    and (
        t.author_id = %(user_id)s
        or exists (select from following f where f.user_id = %(user_id)s and f.followed_id = t.author_id)
    )
    and (
        t.reply_to_author_id is null
        or t.reply_to_author_id = %(user_id)s
        or t.reply_to_author_id = t.author_id
        or (l.replies = 'followed' and t.author_id = %(user_id)s)
        or (l.replies = 'followed' and exists (
            select from following f where f.user_id = %(user_id)s and f.followed_id = t.reply_to_author_id
        ))
        or (l.replies = 'list' and exists (
            select from list_members m
            where m.user_id = %(user_id)s and m.list_id = l.id and m.member_id = t.reply_to_author_id
        ))
    )
    and (
        t.retweet_of_id is null
        or exists (select from tweets o where o.author_id = t.retweet_of_author_id and o.id = t.retweet_of_id)
    )
    and not exists (
        select from (
            select b.blocked_id as user_id from blocks b where b.user_id = %(user_id)s
            union all
            select b.blocker_id from blocked_by b where b.user_id = %(user_id)s
            union all
            select m.muted_id from mutes m where m.user_id = %(user_id)s
        ) kept_away
        where kept_away.user_id = t.author_id
            or kept_away.user_id = t.retweet_of_author_id
            or (kept_away.user_id = t.reply_to_author_id and not (l.replies = 'followed' and t.author_id = %(user_id)s))
    )
    and not exists (
        select from users u where u.id in (t.author_id, t.retweet_of_author_id) and u.deleted_ms is not null
    )
order by t.id desc
limit %(page_size)s;
