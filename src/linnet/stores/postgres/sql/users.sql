-- :name insert (user_id, username, name, email, password_hash) -> none
-- A user with their username and e-mail, or none of it: a taken one breaks usernames_pkey or emails_pkey.
with name_taken as (
    insert into usernames (username, user_id) values (%(username)s, %(user_id)s)
), email_taken as (
    insert into emails (email, user_id) values (%(email)s, %(user_id)s)
)
insert into users (id, username, name, email, password_hash)
values (%(user_id)s, %(username)s, %(name)s, %(email)s, %(password_hash)s);

-- :name fetch_taken (username, email) -> many
-- Which of the two is taken, to name both at once. Served by usernames_pkey and emails_pkey.
select 'username' as field from usernames where username = %(username)s
union all
select 'email' from emails where email = %(email)s;

-- :name fetch_profiles (user_ids) -> many
-- Profiles by id, in no order; accounts that are being erased are not there. Served by users_pkey.
select id, username, name, bio, location, avatar, tweets_count, followers_count, following_count, version, locked,
    header, fields, is_bot, is_discoverable, is_indexable
from users
where id = any(%(user_ids)s::bigint[]) and deleted_ms is null;

-- :name find_id_by_username (username) -> value
-- Whose username it is or was. Served by usernames_pkey.
select user_id from usernames where username = %(username)s;

-- :name fetch_ids_by_username (usernames) -> many
-- Whose usernames these are or were. Served by usernames_pkey.
select username, user_id from usernames where username = any(%(usernames)s::text[]);

-- :name find_id_by_email (email) -> value
-- Whose e-mail address it is. Served by emails_pkey.
select user_id from emails where email = %(email)s;

-- :name find_account (user_id) -> one
-- What only the user and log-in may read. Served by users_pkey.
select id, email, phone, password_hash from users where id = %(user_id)s and deleted_ms is null;

-- :name update_password (user_id, old_hash, new_hash) -> none
-- Changes the password if it is still the one that was checked. Served by users_pkey.
update users set password_hash = %(new_hash)s where id = %(user_id)s and password_hash = %(old_hash)s;

-- :name lock (user_ids) -> many
-- Takes the rows' locks in one order, so that two batches never wait for each other. Served by users_pkey.
select id from users where id = any(%(user_ids)s::bigint[]) order by id for no key update;

-- :name lock_one (user_id) -> one
-- The same for one of them. Served by users_pkey.
select id from users where id = %(user_id)s for no key update;

-- :name add_counts (user_ids, tweets, followers, following, threshold) -> many
-- Adds to counters; says the new versions, where the threshold was crossed (true up, false down, null not), and how many
-- followers there are now and were before.
-- At exactly the threshold the present state stays. Rows must be locked. Served by users_pkey.
with changed as (
    select unnest(%(user_ids)s::bigint[]) as id, unnest(%(tweets)s::bigint[]) as tweets,
        unnest(%(followers)s::bigint[]) as followers, unnest(%(following)s::bigint[]) as following
), updated as (
    update users u
    set tweets_count = u.tweets_count + c.tweets,
        followers_count = u.followers_count + c.followers,
        following_count = u.following_count + c.following,
        is_top = case
            when u.followers_count + c.followers > %(threshold)s then true
            when u.followers_count + c.followers < %(threshold)s then false
            else u.is_top
        end,
        version = u.version + 1
    from changed c
    join users o on o.id = c.id
    where u.id = c.id
    returning u.id, u.version, o.is_top as was_top, u.is_top, u.followers_count, o.followers_count as followers_before
)
select id, version, case when was_top = is_top then null else is_top end, followers_count, followers_before
from updated order by id;

-- :name fetch_misfits (threshold, page_size) -> many
-- Users whose state does not fit the threshold (it was changed, or they were imported). A scan, run when it may matter.
select id from users
where (followers_count > %(threshold)s and not is_top) or (followers_count < %(threshold)s and is_top)
order by id
limit %(page_size)s;

-- :name update_top_flags (user_ids, threshold) -> many
-- Lets those of them cross whose state still does not fit. Rows must be locked. Served by users_pkey.
update users set is_top = not is_top
where id = any(%(user_ids)s::bigint[])
    and ((followers_count > %(threshold)s and not is_top) or (followers_count < %(threshold)s and is_top))
returning id, is_top;
