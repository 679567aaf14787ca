-- :name insert (user_id, session_id, token_hash, device, now_ms, app_id, scopes) -> none
-- A new log-in, or an app that was let in.
insert into sessions (user_id, id, token_hash, device, last_used_ms, app_id, scopes)
values (%(user_id)s, %(session_id)s, %(token_hash)s, %(device)s, %(now_ms)s, %(app_id)s, %(scopes)s);

-- :name find_by_token (user_id, token_hash, unused_since_ms) -> one
-- The living session of a token. Served by sessions_token.
select id, user_id, device, last_used_ms, app_id, scopes
from sessions
where user_id = %(user_id)s and token_hash = %(token_hash)s and last_used_ms > %(unused_since_ms)s;

-- :name fetch_by_user (user_id, unused_since_ms, page_size) -> many
-- A user's living sessions, newest first. Served by sessions_pkey.
select id, user_id, device, last_used_ms, app_id, scopes
from sessions
where user_id = %(user_id)s and last_used_ms > %(unused_since_ms)s
order by id desc
limit %(page_size)s;

-- :name lock_living (user_id, session_id, unused_since_ms) -> value
-- Whether a session is not over, nor will be before the transaction ends. Served by sessions_pkey.
select id from sessions
where user_id = %(user_id)s and id = %(session_id)s and last_used_ms > %(unused_since_ms)s
for share;

-- :name fetch_living_ids (user_ids, session_ids, unused_since_ms) -> many
-- Which of some sessions are not over. Served by sessions_pkey.
select id
from sessions
where user_id = any(%(user_ids)s::bigint[]) and id = any(%(session_ids)s::bigint[])
    and last_used_ms > %(unused_since_ms)s;

-- :name delete (user_id, session_id) -> many
-- Ends one session; returns its token's hash. Served by sessions_pkey.
delete from sessions where user_id = %(user_id)s and id = %(session_id)s returning token_hash;

-- :name delete_others (user_id, session_id) -> many
-- Ends all sessions but one; returns their tokens' hashes. Served by sessions_pkey.
delete from sessions where user_id = %(user_id)s and id <> %(session_id)s returning token_hash;

-- :name delete_of_app (user_id, app_id, token_hash) -> many
-- Ends the session of a token, if it is that app's; returns the token's hash. Served by sessions_token.
delete from sessions
where user_id = %(user_id)s and token_hash = %(token_hash)s and app_id = %(app_id)s
returning token_hash;

-- :name touch (user_id, session_id, used_ms, not_after_ms) -> none
-- Notes the last use, if the one that is stored is old enough; never goes back. Served by sessions_pkey.
update sessions set last_used_ms = greatest(last_used_ms, %(used_ms)s)
where user_id = %(user_id)s and id = %(session_id)s and last_used_ms <= %(not_after_ms)s;

-- :name delete_expired (unused_since_ms, page_size) -> none
-- Sessions nobody used for long. A bounded scan, run by the pruner.
delete from sessions where (user_id, id) in (
    select user_id, id from sessions where last_used_ms <= %(unused_since_ms)s limit %(page_size)s
);
