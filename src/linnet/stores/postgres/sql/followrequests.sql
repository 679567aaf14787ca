-- :name find_door (user_id, requester_id) -> one
-- Whether somebody wants to be asked before they are followed, which stays so until the commit, and whether somebody has
-- asked. Nothing when the account is gone. Served by users_pkey and follow_requesters_pkey.
select u.locked,
    exists (select from follow_requesters r where r.user_id = %(user_id)s and r.requester_id = %(requester_id)s)
from users u
where u.id = %(user_id)s and u.deleted_ms is null
for key share of u;

-- :name lock_door (user_id) -> value
-- The same of oneself, for whoever is to change it: waits for those who follow or ask just now. Served by users_pkey.
select locked from users where id = %(user_id)s and deleted_ms is null for update;

-- :name insert (follower_id, followed_id, request_id) -> value
-- Both sides of a request; 1 when it is new, 0 when it was there. Served by follow_requests_pkey.
with new_side as (
    insert into follow_requests (user_id, followed_id, id)
    values (%(follower_id)s, %(followed_id)s, %(request_id)s)
    on conflict do nothing
    returning user_id, followed_id, id
), other_side as (
    insert into follow_requesters (user_id, requester_id, id)
    select followed_id, user_id, id from new_side
)
select count(*) from new_side;

-- :name delete (follower_id, followed_id) -> value
-- Both sides of a request; 1 when it was there, 0 when not. Served by follow_requests_pkey and follow_requesters_pkey.
with old_side as (
    delete from follow_requests
    where user_id = %(follower_id)s and followed_id = %(followed_id)s
    returning user_id, followed_id
), other_side as (
    delete from follow_requesters r using old_side o
    where r.user_id = %(followed_id)s and r.requester_id = o.user_id
)
select count(*) from old_side;

-- :name fetch_requesters (user_id, before_id, page_size) -> many
-- Who asked to follow a user, newest first. Served by follow_requesters_newest.
select id, requester_id
from follow_requesters
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_requesters_above (user_id, after_id, page_size) -> many
-- The ones just above a cursor, oldest first. Served by follow_requesters_newest.
select id, requester_id
from follow_requesters
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name count_requesters (user_id, page_size) -> value
-- How many asked to follow a user, counted so far. Served by follow_requesters_newest.
select count(*) from (select from follow_requesters where user_id = %(user_id)s limit %(page_size)s) r;

-- :name fetch_among (user_id, user_ids) -> many
-- Whom of these people a user asked ('to'), and who of them asked the user ('by'). Served by follow_requests_pkey and
-- follow_requesters_pkey.
select followed_id, 'to' from follow_requests where user_id = %(user_id)s and followed_id = any(%(user_ids)s::bigint[])
union all
select requester_id, 'by' from follow_requesters
where user_id = %(user_id)s and requester_id = any(%(user_ids)s::bigint[]);

-- :name fetch_pairs (follower_ids, followed_ids) -> many
-- Which of these people asked which of those, and since when. Served by follow_requests_pkey.
select user_id, followed_id, id from follow_requests
where user_id = any(%(follower_ids)s::bigint[]) and followed_id = any(%(followed_ids)s::bigint[]);
