-- :name fetch_following_counts (user_ids) -> many
-- How many these people follow: what it would cost to read whom. Served by users_pkey.
select id, following_count from users where id = any(%(user_ids)s::bigint[]) and deleted_ms is null;

-- :name fetch_followed_by (user_ids, excluded_ids, page_size) -> many
-- Whom these people follow, those whom most of them follow first. Served by following_pkey alone.
select followed_id, count(*)
from following
where user_id = any(%(user_ids)s::bigint[]) and followed_id <> all(%(excluded_ids)s::bigint[])
group by followed_id
order by count(*) desc, followed_id
limit %(page_size)s;

-- :name fetch_follows_between (user_ids, followed_ids) -> many
-- Which of the ones follow which of the others. Served by following_pkey alone.
select followed_id, user_id
from following
where user_id = any(%(user_ids)s::bigint[]) and followed_id = any(%(followed_ids)s::bigint[]);

-- :name fetch_most_followed (excluded_ids, below_followers, below_id, page_size) -> many
-- People by how many follow them, of equals the newest account first, from below a place on. Served by
-- users_most_followed.
select id, followers_count
from users
where deleted_ms is null and (followers_count, id) < (%(below_followers)s, %(below_id)s)
    and id <> all(%(excluded_ids)s::bigint[])
order by followers_count desc, id desc
limit %(page_size)s;

-- :name fetch_top_ids (page_size) -> many
-- The most followed of the top users, who are at the head of the index. Served by users_most_followed.
select id
from users
where deleted_ms is null and is_top
order by followers_count desc, id desc
limit %(page_size)s;

-- :name insert_dismissed (user_id, other_id, id) -> none
-- Whom somebody does not want to be suggested; for nobody who is leaving. Served by dismissed_suggestions_pkey and
-- users_pkey.
insert into dismissed_suggestions (user_id, other_id, id)
select u.id, %(other_id)s, %(id)s from users u where u.id = %(user_id)s and u.deleted_ms is null
on conflict do nothing;

-- :name delete_oldest_dismissed (user_id, most) -> none
-- Those beyond so many, the oldest. Served by dismissed_suggestions_pkey.
delete from dismissed_suggestions
where user_id = %(user_id)s and other_id in (
    select other_id from dismissed_suggestions where user_id = %(user_id)s order by id desc offset %(most)s
);

-- :name fetch_dismissed (user_id, page_size) -> many
-- Whom somebody does not want to be suggested. Served by dismissed_suggestions_pkey.
select other_id from dismissed_suggestions where user_id = %(user_id)s limit %(page_size)s;
