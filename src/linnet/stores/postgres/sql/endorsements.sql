-- :name insert (user_id, other_id, id) -> none
-- Whom somebody shows on their page from now on; for nobody who is leaving. Served by endorsements_pkey and users_pkey.
insert into endorsements (user_id, other_id, id)
select u.id, %(other_id)s, %(id)s from users u where u.id = %(user_id)s and u.deleted_ms is null
on conflict do nothing;

-- :name delete (user_id, other_id) -> none
-- Whom somebody shows no more. Served by endorsements_pkey.
delete from endorsements where user_id = %(user_id)s and other_id = %(other_id)s;

-- :name count (user_id) -> value
-- How many somebody shows. Served by endorsements_pkey.
select count(*) from endorsements where user_id = %(user_id)s;

-- :name fetch_among (user_id, other_ids) -> many
-- Which of these people somebody shows. Served by endorsements_pkey.
select other_id from endorsements where user_id = %(user_id)s and other_id = any(%(other_ids)s::bigint[]);

-- :name fetch (user_id, before_id, page_size) -> many
-- Whom somebody shows, whoever came last first. Served by endorsements_pkey: they are few.
select id, other_id from endorsements
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_above (user_id, after_id, page_size) -> many
-- The ones just above a cursor, oldest first. Served by endorsements_pkey: they are few.
select id, other_id from endorsements
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;
