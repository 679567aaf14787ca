
-- :name find (user_id) -> one
-- One record. Served by top_users_pkey.
select user_id, since_id, until_id from top_users where user_id = %(user_id)s;

-- :name fetch (user_ids) -> many
-- The records of these users. Served by top_users_pkey.
select user_id, since_id, until_id from top_users where user_id = any(%(user_ids)s::bigint[]);

-- :name fetch_page (after_user_id, page_size) -> many
-- Top users by id, for lists. Served by top_users_pkey.
select user_id, since_id, until_id from top_users
where user_id > %(after_user_id)s order by user_id limit %(page_size)s;

-- :name insert (user_id) -> none
-- First step up: readers begin to pull. Served by top_users_pkey.
insert into top_users (user_id) values (%(user_id)s) on conflict do nothing;

-- :name start (user_id, since_id) -> none
-- Last step up: from this id on nothing need be pushed. Served by top_users_pkey.
update top_users set since_id = %(since_id)s where user_id = %(user_id)s and since_id is null;

-- :name reopen (user_id) -> none
-- A user who came back up before they were out: pushing and pulling both go on until a new start.
-- Served by top_users_pkey.
update top_users set since_id = null, until_id = null where user_id = %(user_id)s and until_id is not null;

-- :name finish (user_id, until_id) -> none
-- First step down: from this id on everything is pushed again. Served by top_users_pkey.
update top_users set until_id = %(until_id)s where user_id = %(user_id)s and until_id is null;

-- :name delete (user_id) -> none
-- Last step down. Served by top_users_pkey.
delete from top_users where user_id = %(user_id)s;
