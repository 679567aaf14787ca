-- :name insert (user_id, tag, display, followed_id) -> none
-- One row when it is new; none when it was there, and for somebody who is leaving. Served by users_pkey and
-- followed_tags_pkey.
insert into followed_tags (user_id, tag, display, id)
select u.id, %(tag)s, %(display)s, %(followed_id)s from users u
where u.id = %(user_id)s and u.deleted_ms is null
on conflict do nothing;

-- :name delete (user_id, tag) -> none
-- One row when it was there. Served by followed_tags_pkey.
delete from followed_tags where user_id = %(user_id)s and tag = %(tag)s;

-- :name count (user_id) -> value
-- How many tags somebody follows: few. Served by followed_tags_pkey.
select count(*) from followed_tags where user_id = %(user_id)s;

-- :name fetch (user_id, before_id, page_size) -> many
-- Tags that somebody follows, whichever came last first. Served by followed_tags_newest alone.
select id, tag, display from followed_tags
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_above (user_id, after_id, page_size) -> many
-- The same just above an id, oldest first. Served by followed_tags_newest alone.
select id, tag, display from followed_tags
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name fetch_among (user_id, tags) -> many
-- Which of these tags somebody follows. Served by followed_tags_pkey.
select id, tag, display from followed_tags where user_id = %(user_id)s and tag = any(%(tags)s::text[]);
